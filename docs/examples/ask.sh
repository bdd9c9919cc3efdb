#!/bin/sh
# The newest forecast of a plant, what it measured since a time, and the next events, as lines of JSON.
#
#     KEY=... sh ask.sh http://127.0.0.1:8080 roof 2026-06-01T00:00:00Z
#
# curl alone; `jq`, where it is there, makes more of the answers. The key comes from the environment and goes to
# curl through its standard input: on a command line everybody on the machine could read it.
set -eu
url=$1 plant=$2 since=$3

ask() { # ask PATH [curl's options]
    path=$1
    shift
    printf 'header = "Authorization: Bearer %s"\n' "$KEY" |
        curl --config - --silent --show-error --fail-with-body --retry 4 "$@" "$url$path"
}

ask "/v1/plants/$plant/forecasts/latest?levels=0.1,0.5,0.9&horizons=15min,1h"
echo
# Page after page as CSV: the address of the next one is in the header Link.
next="/v1/plants/$plant/actuals?from=$since&limit=50"
while [ -n "$next" ]; do
    ask "$next" --header 'Accept: text/csv' --dump-header headers.txt
    next=$(sed -n 's/^[Ll]ink: <\(.*\)>; rel="next".*/\1/p' headers.txt)
    next=${next#"$url"}
done
# Live, for a minute (curl says that its time is over); who comes back sends the id of the last event as Last-Event-ID and misses nothing.
ask "/v1/live?kinds=forecast,alert&first=true" --header 'Accept: text/event-stream' --no-buffer --retry 0 --max-time "${SECONDS_LIVE:-60}" |
    sed -n 's/^data: //p'
