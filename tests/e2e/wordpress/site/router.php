<?php

/**
 * Makes PHP's own web server serve WordPress: files as they are, every other address by index.php.
 */

$root = rtrim($_SERVER['DOCUMENT_ROOT'], '/');
$base = (string) getenv('DESKHAND_RIG_BASE');
$path = '/' . ltrim(rawurldecode((string) parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH)), '/');
if (str_contains($path, '..') || str_contains($path, "\0") || preg_match('~/\.(?!well-known)~', $path) || str_starts_with($path, "$base/wp-content/database")) {
    http_response_code(404);
    return true;
}
if (is_dir($root . $path)) {
    if (!str_ends_with($path, '/')) {
        header("Location: $path/", true, 301);
        return true;
    }
    $path .= 'index.php';
}
if (is_file($root . $path)) {
    if (!str_ends_with($path, '.php')) {
        return false;
    }
    $_SERVER['SCRIPT_NAME'] = $_SERVER['PHP_SELF'] = $path;
    $_SERVER['SCRIPT_FILENAME'] = $root . $path;
    chdir(dirname($root . $path));
    require $root . $path;
    return true;
}
$_SERVER['SCRIPT_NAME'] = $_SERVER['PHP_SELF'] = "$base/index.php";
$_SERVER['SCRIPT_FILENAME'] = "$root$base/index.php";
chdir($root . $base);
require "$root$base/index.php";
return true;
