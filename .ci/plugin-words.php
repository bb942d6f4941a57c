<?php

/**
 * The plugin's words: plugin-words.php PLUGIN
 *
 * Reads what its source says to people, writes languages/deskhand.pot, brings each languages/*.po up to date with it (what
 * is new stays empty, what is gone goes) and makes of it what WordPress reads: .mo, .l10n.php, and a .json for each script.
 */

const FUNCTIONS = ['__' => 1, 'esc_html__' => 1, 'esc_attr__' => 1, '_e' => 1, 'esc_html_e' => 1, 'esc_attr_e' => 1, '_n' => 2];
/** The names that WordPress knows scripts by. */
const SCRIPTS = [
    'assets/admin/admin.js' => 'deskhand-admin',
    'assets/admin/documents.js' => 'deskhand-documents',
    'assets/admin/exclude.js' => 'deskhand-exclude',
    'assets/admin/hours.js' => 'deskhand-hours',
    'assets/admin/rollout.js' => 'deskhand-rollout',
    'blocks/chat/editor.js' => 'deskhand-chat-editor',
];
const PLURALS = 'nplurals=2; plural=(n != 1);';

$plugin = rtrim($argv[1], '/');
$entries = [];
$add = function (string $file, array $texts, string $comment = '', string $context = '') use (&$entries): void {
    $key = ($context === '' ? '' : "$context\4") . $texts[0];
    $entry = $entries[$key] ?? ['context' => $context, 'texts' => $texts, 'files' => [], 'comment' => ''];
    $entry['texts'] += $texts;
    $entry['files'] = array_values(array_unique([...$entry['files'], $file]));
    $entry['comment'] = $entry['comment'] ?: $comment;
    $entries[$key] = $entry;
};

$files = [];
foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator($plugin, FilesystemIterator::SKIP_DOTS)) as $file) {
    $name = substr((string) $file, strlen($plugin) + 1);
    if (preg_match('/\.(php|js)$/', $name) && !str_starts_with($name, 'languages/')) {
        $files[] = $name;
    }
}
sort($files);
foreach ($files as $name) {
    str_ends_with($name, '.php') ? from_php($name, (string) file_get_contents("$plugin/$name"), $add) : from_js($name, (string) file_get_contents("$plugin/$name"), $add);
}
preg_match('/^ \* Description: *(.+)$/m', (string) file_get_contents("$plugin/deskhand.php"), $found);
$add('deskhand.php', [$found[1]], 'Description of the plugin');
$block = json_decode((string) file_get_contents("$plugin/blocks/chat/block.json"), true);
$add('blocks/chat/block.json', [$block['title']], '', 'block title');
$add('blocks/chat/block.json', [$block['description']], '', 'block description');
foreach ($block['keywords'] as $word) {
    $add('blocks/chat/block.json', [$word], '', 'block keyword');
}

@mkdir("$plugin/languages");
file_put_contents("$plugin/languages/deskhand.pot", po($entries, [], ''));
$open = 0;
foreach (glob("$plugin/languages/deskhand-*.po") as $path) {
    $language = substr(basename($path, '.po'), strlen('deskhand-'));
    $known = read_po((string) file_get_contents($path));
    $texts = array_intersect_key($known, $entries);
    file_put_contents($path, po($entries, $texts, $language));
    $missing = array_diff_key($entries, array_filter($texts, fn (array $t): bool => implode('', $t) !== ''));
    foreach ($missing as $entry) {
        fwrite(STDERR, "$language: not translated: {$entry['texts'][0]}\n");
    }
    $open += count($missing);
    compile(substr($path, 0, -3), $language, $entries, array_diff_key($texts, $missing));
}
printf("%d texts, %d of them not translated\n", count($entries), $open);
exit($open > 0 ? 1 : 0);

function from_php(string $name, string $source, callable $add): void
{
    $tokens = array_values(array_filter(token_get_all($source), fn ($t): bool => !is_array($t) || $t[0] !== T_WHITESPACE));
    $comment = '';
    foreach ($tokens as $i => $token) {
        if (is_array($token) && $token[0] === T_COMMENT && preg_match('~translators: (.*?) ?\*/$~', $token[1], $found)) {
            $comment = $found[1];
        }
        $count = is_array($token) && $token[0] === T_STRING ? FUNCTIONS[$token[1]] ?? 0 : 0;
        if ($count === 0 || ($tokens[$i + 1] ?? '') !== '(') {
            continue;
        }
        $texts = [];
        for ($at = $i + 2; count($texts) < $count && is_array($tokens[$at] ?? ''); $at += 2) {
            $at += $tokens[$at][0] === T_COMMENT ? 1 : 0;
            if ($tokens[$at][0] !== T_CONSTANT_ENCAPSED_STRING) {
                break;
            }
            $texts[] = strtr(substr($tokens[$at][1], 1, -1), $tokens[$at][1][0] === "'" ? ["\\'" => "'", '\\\\' => '\\'] : ['\\"' => '"', '\\\\' => '\\']);
        }
        if (count($texts) === $count) {
            $add($name, $texts, $comment);
        }
        $comment = '';
    }
}

function from_js(string $name, string $source, callable $add): void
{
    preg_match_all("~(?:translators: (?<comment>[^*]*?) ?\*/\s*)?\b__\(\s*'(?<text>(?:[^'\\\\]|\\\\.)*)',\s*'deskhand'~", $source, $found, PREG_SET_ORDER);
    foreach ($found as $one) {
        $add($name, [strtr($one['text'], ["\\'" => "'", '\\\\' => '\\'])], $one['comment']);
    }
}

function quoted(string $text): string
{
    return '"' . addcslashes($text, "\"\\\n\t") . '"';
}

function po(array $entries, array $texts, string $language): string
{
    ksort($entries);
    $head = "Project-Id-Version: Deskhand\nLanguage: $language\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\nPlural-Forms: " . PLURALS . "\nX-Domain: deskhand\n";
    $out = "# Under the GPL, version 2 or later, as the plugin is.\nmsgid \"\"\nmsgstr " . quoted($head) . "\n";
    foreach ($entries as $key => $entry) {
        $out .= "\n" . ($entry['comment'] === '' ? '' : "#. translators: {$entry['comment']}\n") . '#: ' . implode(' ', $entry['files']) . "\n";
        $out .= $entry['context'] === '' ? '' : 'msgctxt ' . quoted($entry['context']) . "\n";
        $out .= 'msgid ' . quoted($entry['texts'][0]) . "\n";
        $to = $texts[$key] ?? [];
        $out .= isset($entry['texts'][1])
            ? 'msgid_plural ' . quoted($entry['texts'][1]) . "\nmsgstr[0] " . quoted($to[0] ?? '') . "\nmsgstr[1] " . quoted($to[1] ?? '') . "\n"
            : 'msgstr ' . quoted($to[0] ?? '') . "\n";
    }
    return $out;
}

/** @return array<string, list<string>> translations by their key */
function read_po(string $po): array
{
    $texts = [];
    foreach (preg_split('/\n\s*\n/', $po) as $block) {
        $entry = [];
        $field = '';
        foreach (explode("\n", $block) as $line) {
            if (preg_match('/^(?:(msgctxt|msgid_plural|msgid|msgstr(?:\[\d\])?) )?"(.*)"$/', $line, $found)) {
                $field = $found[1] ?: $field;
                $entry[$field] = ($entry[$field] ?? '') . stripcslashes($found[2]);
            }
        }
        if (($entry['msgid'] ?? '') !== '') {
            $key = (isset($entry['msgctxt']) ? "{$entry['msgctxt']}\4" : '') . $entry['msgid'];
            $texts[$key] = isset($entry['msgid_plural']) ? [$entry['msgstr[0]'] ?? '', $entry['msgstr[1]'] ?? ''] : [$entry['msgstr'] ?? ''];
        }
    }
    return $texts;
}

function compile(string $base, string $language, array $entries, array $texts): void
{
    ksort($texts);
    $messages = array_map(fn (array $t): string => implode("\0", $t), $texts);
    $export = fn (string $text): string => str_replace("\0", "' . \"\\0\" . '", var_export($text, true));
    $php = "<?php\n\n// Made of the .po beside it, which is what to change.\n\ndefined('ABSPATH') || exit;\n\nreturn [\n    'domain' => 'deskhand',\n    'language' => '$language',\n    'plural-forms' => '" . PLURALS . "',\n    'messages' => [\n";
    foreach ($messages as $key => $text) {
        $php .= '        ' . str_replace("\4", "' . \"\\4\" . '", var_export((string) $key, true)) . ' => ' . $export($text) . ",\n";
    }
    file_put_contents("$base.l10n.php", "$php    ],\n];\n");

    $all = ['' => "Language: $language\nContent-Type: text/plain; charset=UTF-8\nPlural-Forms: " . PLURALS . "\n"];
    foreach ($messages as $key => $text) {
        $all[isset($entries[$key]['texts'][1]) ? "$key\0{$entries[$key]['texts'][1]}" : $key] = $text;
    }
    ksort($all, SORT_STRING);
    $tables = ['', ''];
    $strings = '';
    $start = 28 + 16 * count($all);
    foreach ([array_map('strval', array_keys($all)), array_values($all)] as $which => $list) {
        foreach ($list as $text) {
            $tables[$which] .= pack('VV', strlen($text), $start + strlen($strings));
            $strings .= "$text\0";
        }
    }
    $header = pack('V7', 0x950412de, 0, count($all), 28, 28 + 8 * count($all), 0, 28 + 16 * count($all));
    file_put_contents("$base.mo", $header . $tables[0] . $tables[1] . $strings);

    foreach (SCRIPTS as $file => $handle) {
        $ours = array_filter($texts, fn ($key): bool => in_array($file, $entries[$key]['files'], true), ARRAY_FILTER_USE_KEY);
        $data = ['' => ['domain' => 'messages', 'lang' => $language, 'plural-forms' => PLURALS]] + $ours;
        file_put_contents("$base-$handle.json", json_encode(['domain' => 'messages', 'locale_data' => ['messages' => $data]], JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_PRETTY_PRINT | JSON_THROW_ON_ERROR) . "\n");
    }
}
