<?php

declare(strict_types=1);

namespace Deskhand\Jobs;

defined('ABSPATH') || exit;

/**
 * Takes out of a text what the site's owner doesn't want to leave WordPress: words as they are, and patterns in which
 * `*` stands for letters and digits, `#` for one digit.
 */
final class Mask
{
    public const BLANK = '▮▮▮';

    /** @param list<string> $rules */
    public static function apply(string $text, array $rules): string
    {
        foreach ($rules as $rule) {
            $pattern = strtr(preg_quote($rule, '/'), ['\*' => '[\p{L}\p{N}]*', '\#' => '\p{N}']);
            $masked = preg_replace("/(?<![\\p{L}\\p{N}])$pattern(?![\\p{L}\\p{N}])/iu", self::BLANK, $text);
            // A text that isn't UTF-8 goes nowhere.
            $text = $masked ?? '';
        }
        return $text;
    }
}
