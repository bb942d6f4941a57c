# What the WordPress tests need of a machine: PHP, and a WordPress taken out of Debian's packages, which are unpacked
# into the cache and never installed. Sourced by ./dev after needs.sh, whose names it uses.
# shellcheck shell=bash disable=SC2154,SC2034

sqlite_package=@wp-playground/cli@3.1.56
sqlite_sha512=253c65e9d8cf10cd98458cffc3e054a32a02be14861c88ea322e1f315d5bf28d543cdbd96ad2da4bba29a39ed4b2b544957adf759c2f8ba22ec92e0bb30531f5

php_has() { php -r "exit(PHP_VERSION_ID >= 80100 && !array_diff($1, get_loaded_extensions()) ? 0 : 1);" 2>/dev/null; }
php_extensions="['curl', 'gd', 'intl', 'mbstring', 'mysqli', 'pdo_sqlite', 'sodium', 'xml', 'zip']"

need_php() {
  php_has "$php_extensions" ||
    need_packages "PHP is missing (for the WordPress plugin)" php-cli php-sqlite3 php-mysql php-gd php-xml php-curl php-mbstring php-zip php-intl
  php_has "$php_extensions" || fail "PHP 8.1 or newer doesn't run with the extensions $php_extensions"
  command -v phpunit >/dev/null || need_packages "PHPUnit is missing (for the WordPress plugin)" phpunit
  # The program alone: no service is installed.
  PATH=$PATH:/usr/sbin
  command -v mariadbd >/dev/null || need_packages "MariaDB is missing (the plugin is tested on it)" mariadb-server-core
  command -v phpcs >/dev/null || need_packages "PHP_CodeSniffer is missing (for the WordPress plugin)" php-codesniffer
}

# For the benchmark: PHP as most sites run it.
need_fpm() {
  compgen -c php-fpm >/dev/null || need_packages "PHP-FPM is missing (for the benchmark)" php-fpm
}

# The machine's own mirrors of Debian, as one-line entries for another suite: debian_sources SUITE [security]
debian_mirrors() {
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | sed 's|/*$||' | sort -u
}
debian_sources() {
  local suite=$1 key=/usr/share/keyrings/debian-archive-keyring.gpg mirror found=''
  while read -r mirror; do
    case $mirror in
      */debian) printf 'deb [signed-by=%s] %s %s main\n' "$key" "$mirror" "$suite" && found=yes ;;
      */debian-security) [ "$suite" = sid ] || printf 'deb [signed-by=%s] %s %s-security main\n' "$key" "$mirror" "$suite" ;;
    esac
  done < <(debian_mirrors)
  [ -n "$found" ]
}

# need_wordpress [latest]: a WordPress in $wordpress, 6.8 (Debian 13's) or the newest (unstable's).
need_wordpress() {
  local suite=trixie new private apt
  [ "${1:-}" != latest ] || suite=sid
  if [ -n "${DESKHAND_WORDPRESS_DIR:-}" ]; then
    wordpress=$DESKHAND_WORDPRESS_DIR
    [ -f "$wordpress/wp-settings.php" ] || fail "DESKHAND_WORDPRESS_DIR is $wordpress, where no WordPress lies"
    return
  fi
  wordpress=$cache/wordpress-$suite
  [ -f "$wordpress/wp-settings.php" ] && return
  command -v apt-get >/dev/null && command -v dpkg >/dev/null ||
    fail "WordPress is taken from Debian's packages, and this is no Debian; set DESKHAND_WORDPRESS_DIR to an unpacked WordPress"
  say "fetching WordPress (Debian $suite) into $cache"
  { mkdir -p -- "$cache" && new=$(mktemp -d "$cache/.new.XXXXXX"); } || fail "can't write to $cache"
  mkdir -p "$new"/{state/lists/partial,archives/partial,debs,tree}
  [ -n "$apt_is_fresh" ] || [ -n "$(debian_mirrors)" ] || need_packages "apt has no lists" debian-archive-keyring
  if ! debian_sources "$suite" >"$new/sources.list"; then
    rm -rf -- "$new"
    fail "apt knows no mirror of Debian here; set DESKHAND_WORDPRESS_DIR to an unpacked WordPress"
  fi
  # A private apt: nothing of the machine's own is changed, and no root is needed.
  apt=(-q -o Dir::State="$new/state" -o Dir::Cache="$new" -o Dir::Etc::sourcelist="$new/sources.list" -o Dir::Etc::sourceparts=-
    -o Dir::State::status=/dev/null -o Acquire::Languages=none -o APT::Sandbox::User="$(id -un)" -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false)
  if ! { apt-get "${apt[@]}" update >"$new/log" 2>&1 && (cd "$new/debs" && apt-get "${apt[@]}" download wordpress \
    wordpress-theme-twentytwentyfive php-getid3 libphp-phpmailer libjs-cropper libjs-lodash libjs-underscore libjs-jquery-ui) >>"$new/log" 2>&1; }; then
    tail -n 5 "$new/log"
    rm -rf -- "$new"
    fail "can't fetch WordPress; the first set-up needs the network (apt's message is above)"
  fi
  for private in "$new"/debs/*.deb; do dpkg -x "$private" "$new/tree" || fail "can't unpack $private"; done
  # What links into other packages becomes files; what links to the machine's settings goes.
  find "$new/tree/usr/share/wordpress" -type l -lname '/*' -delete
  rm -f "$new/tree/usr/share/wordpress/wp-config.php"
  cp -rL "$new/tree/usr/share/wordpress" "$new/wordpress" || fail "a package that WordPress links to is missing"
  mkdir -p "$new/wordpress/wp-content/languages"
  if [ -d "$new/tree/var/lib/wordpress/wp-content/languages" ]; then
    cp -rL "$new/tree/var/lib/wordpress/wp-content/languages/." "$new/wordpress/wp-content/languages"
  fi
  chmod -R a+rX "$new/wordpress"
  # Another ./dev may have been faster; its result is the same.
  mv -T -- "$new/wordpress" "$wordpress" 2>/dev/null || [ -f "$wordpress/wp-settings.php" ] || fail "can't write to $cache"
  rm -rf -- "$new"
}

# WordPress on SQLite: the drop-in that WordPress's own Playground ships.
need_sqlite_dropin() {
  local new version=${sqlite_package##*@}
  wordpress_sqlite=$cache/wordpress-sqlite-$version
  [ -f "$wordpress_sqlite/load.php" ] && return
  say "fetching WordPress's SQLite drop-in into $cache"
  { mkdir -p -- "$cache" && new=$(mktemp -d "$cache/.new.XXXXXX"); } || fail "can't write to $cache"
  if ! (cd "$new" && npm pack --silent "$sqlite_package" >/dev/null); then
    rm -rf -- "$new"
    fail "can't fetch $sqlite_package; the first set-up needs the network (npm's message is above)"
  fi
  if [ "$(sha512sum "$new"/*.tgz | cut -d ' ' -f 1)" != "$sqlite_sha512" ]; then
    rm -rf -- "$new"
    fail "$sqlite_package isn't the package it was (its SHA-512 differs)"
  fi
  tar -xzf "$new"/*.tgz -C "$new" package/sqlite-database-integration.zip &&
    php -r '$zip = new ZipArchive(); exit($zip->open($argv[1]) === true && $zip->extractTo($argv[2]) ? 0 : 1);' \
      "$new/package/sqlite-database-integration.zip" "$new/unpacked" || fail "can't unpack $sqlite_package into $cache"
  chmod -R a+rX "$new/unpacked"
  mv -T -- "$new"/unpacked/*/ "$wordpress_sqlite" 2>/dev/null || [ -f "$wordpress_sqlite/load.php" ] || fail "can't write to $cache"
  rm -rf -- "$new"
}

setup_wordpress() {
  need_node
  need_browser_packages
  need_php
  need_wordpress "${1:-}"
  need_sqlite_dropin
  export DESKHAND_E2E_WORDPRESS=$wordpress DESKHAND_E2E_SQLITE=$wordpress_sqlite
}
