<?php

/**
 * Packs the plugin as a site's owner uploads it: plugin-zip.php SOURCE SCRIPTS FOLDER
 * SCRIPTS are the widget's as they ship, in place of its modules. The same files always give the same bytes.
 */

[, $source, $scripts, $folder] = $argv;
$version = preg_match('/^ \* Version:\s*(\S+)$/m', (string) file_get_contents("$source/deskhand.php"), $found) ? $found[1] : exit(1);
$path = "$folder/deskhand-$version.zip";
$files = [];
foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator($source, FilesystemIterator::SKIP_DOTS)) as $file) {
    $name = substr((string) $file, strlen($source) + 1);
    $shipped = dirname($name) === 'assets' && str_ends_with($name, '.js') ? "$scripts/" . basename($name) : (string) $file;
    if (!str_ends_with($name, '.d.ts') && !str_contains("/$name", '/.') && is_file($shipped)) {
        $files[$name] = $shipped;
    }
}
ksort($files);
@unlink($path);
$zip = new ZipArchive();
$zip->open($path, ZipArchive::CREATE | ZipArchive::EXCL) === true || exit(1);
foreach ($files as $name => $file) {
    $zip->addFromString("deskhand/$name", (string) file_get_contents($file));
    $zip->setMtimeName("deskhand/$name", 315532800);
    $zip->setExternalAttributesName("deskhand/$name", ZipArchive::OPSYS_UNIX, 0100644 << 16);
}
$zip->close() || exit(1);
printf("%s: %d files, %d bytes\n", $path, count($files), filesize($path));
