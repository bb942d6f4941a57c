<?php

declare(strict_types=1);

namespace Deskhand\Knowledge;

use Deskhand\Part;

defined('ABSPATH') || exit;

/**
 * Finds files that were replaced under their own name without WordPress hearing of it, once a day: by FTP, say.
 */
final class ReplacedFiles implements Part
{
    private const HOOK = 'deskhand_clean';
    private const OPTION = 'deskhand_files_seen';
    private const MOST = 5000;

    public function __construct(private readonly Documents $documents, private readonly Recorder $recorder)
    {
    }

    public function register(): void
    {
        add_action(self::HOOK, $this->look(...));
    }

    public function look(): void
    {
        $before = get_option(self::OPTION, []);
        $before = is_array($before) ? $before : [];
        $seen = [];
        foreach ($this->documents->page(Source::Media, [], '', 0, self::MOST) as $row) {
            $file = $row->known ? get_attached_file($row->objectId) : false;
            if (!$file || !is_file($file)) {
                continue;
            }
            $seen[$row->objectId] = filesize($file) . '-' . filemtime($file);
            if (isset($before[$row->objectId]) && $before[$row->objectId] !== $seen[$row->objectId]) {
                $this->recorder->note($row->objectId, 'updated');
            }
        }
        update_option(self::OPTION, $seen, false);
    }
}
