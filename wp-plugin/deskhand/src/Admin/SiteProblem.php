<?php

declare(strict_types=1);

namespace Deskhand\Admin;

use Deskhand\Connection\Answer;
use Deskhand\Rest\Problem;

defined('ABSPATH') || exit;

/**
 * Why what the backend keeps of this site can't be shown or changed, for who looks at the settings.
 */
final class SiteProblem
{
    /** @param string $command what does the same at the backend */
    public static function of(Answer $answer, string $command, bool $isTooOld): \WP_REST_Response
    {
        if ($isTooOld || $answer->status === 404) {
            /* translators: %s: a command */
            return Problem::response(502, 'too_old', sprintf(__('The backend is too old to be asked this from here. Its operator can set it with "%s", or update it.', 'deskhand'), $command));
        }
        // What was typed can be mended; whatever else is wrong is between the two servers.
        return Problem::response($answer->status === 422 ? 422 : 502, $answer->code ?: 'not_json', $answer->detail ?: __('The backend\'s answer can\'t be read.', 'deskhand'));
    }
}
