# cfn-lint, in an environment of its own that is kept for the next run: $cfn_lint is its command. It is pinned, since a new version
# may have new findings.

cfn_lint_version=1.58.0

install_cfn_lint() {
  local home=${XDG_CACHE_HOME:-$HOME/.cache}/sluice/cfn-lint-$cfn_lint_version
  cfn_lint=$home/bin/cfn-lint
  [[ -x $cfn_lint ]] && return
  python3 -c 'import venv, ensurepip' 2>/dev/null || install_packages python3-venv
  rm -rf "$home"
  python3 -m venv "$home"
  "$home/bin/pip" install --quiet --disable-pip-version-check "cfn-lint==$cfn_lint_version"
}
