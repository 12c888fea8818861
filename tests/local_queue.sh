#!/bin/sh
# A queue on one machine, for Snakemake's cluster-generic; its notes are in the folder $LOCAL_QUEUE.
#   submit RULE CPUS MEM_MB MINUTES SCRIPT   starts the script and prints the number of the job
#   status NUMBER                            prints running, success or failed
#   cancel NUMBER...                         ends jobs
notes=${LOCAL_QUEUE:?names the folder of the notes}
action=$1
shift
case $action in
submit)
    number=$$
    echo "$number $1 $2 $3 $4 $5" >> "$notes/submitted"
    cp "$5" "$notes/$number.sh" # Snakemake removes its own when it ends
    # a session of its own, so that all its processes end together
    setsid sh -c "echo \$\$ > '$notes/$number.pid'
        timeout ${4}m sh '$notes/$number.sh' > '$notes/$number.out' 2>&1
        echo \$? > '$notes/$number.rc'" < /dev/null > /dev/null 2>&1 &
    while [ ! -s "$notes/$number.pid" ]; do sleep 0.1; done
    echo "$number"
    ;;
status)
    if [ -s "$notes/$1.rc" ]; then
        if [ "$(cat "$notes/$1.rc")" = 0 ]; then echo success; else echo failed; fi
    elif kill -0 "$(cat "$notes/$1.pid")" 2> /dev/null; then
        echo running
    elif [ "$(cat "$notes/$1.rc" 2> /dev/null)" = 0 ]; then # it has just ended
        echo success
    else # killed
        echo failed
    fi
    ;;
cancel)
    for number in "$@"; do
        echo "$number" >> "$notes/cancelled"
        /bin/kill -TERM -- "-$(cat "$notes/$number.pid")"
    done
    ;;
esac
