#!/bin/sh
# Host Factory runs "getRequestStatus.sh -f FILE": hf-cli does the work, and prints the answer.
#
# The five scripts differ in the next assignment alone. All is done by the shell itself, because each process that it
# would start costs a millisecond, and Host Factory calls often.
set -eu
call=get-request-status

# Host Factory reads one JSON document whatever happens. $1 must need no escape in JSON.
fail() {
    trap - EXIT
    printf '{"message": "%s"}\n' "$1"
    exit 1
}

# Whether $1 is a program; sets it as the one to run.
try() {
    [ -f "$1" ] && [ -x "$1" ] && program=$1
}

# Looks beside the script $1.
beside() {
    case $1 in
    */*) directory=${1%/*}/ ;;
    *) directory=./ ;;
    esac
    try "${directory}hf-cli" || try "${directory}../bin/hf-cli"
}

program=
if [ -n "${HF_K8S_BIN:-}" ]; then
    # A name alone is a file here, not one on the PATH.
    case $HF_K8S_BIN in
    */*) given=$HF_K8S_BIN ;;
    *) given=./$HF_K8S_BIN ;;
    esac
    try "$given" || try "$given/hf-cli" ||
        fail 'HF_K8S_BIN names neither the program hf-cli nor a directory that has it: correct it or take it away'
elif command -v hf-cli >/dev/null 2>&1; then
    program=hf-cli
elif beside "$0"; then
    :
elif [ -h "$0" ] && script=$(readlink -f "$0") && beside "$script"; then
    :
else
    fail 'hf-cli was not found: put it on the PATH, or beside this script or in ../bin, or set HF_K8S_BIN to its path'
fi

# An exec that fails ends the script: in dash by the trap, in bash (which would not run it) by going on.
broken="hf-cli was found but cannot be run: is it built for this machine, and on a file system that allows programs?"
trap 'fail "$broken"' EXIT
[ -z "${BASH_VERSION:-}" ] || shopt -s execfail
set +e
exec "$program" "$call" "$@"
fail "$broken"
