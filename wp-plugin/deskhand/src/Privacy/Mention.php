<?php

declare(strict_types=1);

namespace Deskhand\Privacy;

defined('ABSPATH') || exit;

/**
 * Whether an e-mail address stands in what somebody wrote: the whole address, and not one that only ends or begins so.
 */
final class Mention
{
    private readonly string $pattern;

    public function __construct(string $email)
    {
        $email = trim($email);
        // An apostrophe belongs to the address after a letter, and is a quotation mark otherwise.
        $this->pattern = $email === '' ? '' : '/(?<![\p{L}\p{N}._%+\-])(?<![\p{L}\p{N}]\')' . preg_quote($email, '/') . '(?![\p{L}\p{N}\-]|\.[\p{L}\p{N}])/iu';
    }

    /** Whether it stands anywhere in this: a text, or texts within lists and objects. */
    public function isIn(mixed $value): bool
    {
        if (is_array($value)) {
            foreach ($value as $part) {
                if ($this->isIn($part)) {
                    return true;
                }
            }
            return false;
        }
        return is_string($value) && $this->pattern !== '' && preg_match($this->pattern, $value) === 1;
    }
}
