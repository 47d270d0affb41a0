# hold.sh FOLDER DOCKER LABEL [DOCKERD ARGS…]
#
# Starts an engine, if told which, with its process id in FOLDER/pid. When standard input closes, which it does however
# a test ends, all that carries the label is removed, the engine ended, and the folder removed.

folder=$1 docker=$2 label=$3
shift 3

of_run() {
    "$docker" "$@" --quiet --filter "label=$label"
}

end() {
    of_run ps --all | xargs -r "$docker" rm --force
    of_run network ls | xargs -r "$docker" network rm
    of_run volume ls | xargs -r "$docker" volume rm
    of_run image ls | sort -u | xargs -r "$docker" image rm --force
    [ ! -f "$folder/pid" ] || kill "$(cat "$folder/pid")"
}

exec 3<&0
{
    cat <&3 >/dev/null
    end
} >"$folder/end" 2>&1 &
if [ $# -gt 0 ]; then
    "$@" </dev/null 3<&- >"$folder/log" 2>&1
    touch "$folder/ended"
fi
wait
rm -rf "$folder"
