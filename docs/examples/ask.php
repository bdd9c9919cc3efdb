<?php
// The newest forecast of a plant, what it measured since a time, and the next events, as lines of JSON.
//
//     php ask.php http://127.0.0.1:8080 KEY roof 2026-06-01T00:00:00Z 3
//
// PHP 8 with the extension curl; nothing else.

declare(strict_types=1);

const AGAIN = [429, 503];
const ATTEMPTS = 4;

final class Problem extends RuntimeException
{
}

final class Gridcast
{
    public function __construct(private string $url, private string $key, private int $backMs = 2000)
    {
    }

    /** Any path, as the document that it answers with. A busy server is asked again when it said so. */
    public function get(string $path, array $query = []): array
    {
        for ($attempt = 1; ; $attempt++) {
            $waitS = 0.5 * 2 ** $attempt;
            $request = $this->request($path, $query, ['Accept: application/json']);
            curl_setopt_array($request, [
                CURLOPT_RETURNTRANSFER => true,
                CURLOPT_TIMEOUT => 30,
                CURLOPT_HEADERFUNCTION => function ($_, string $line) use (&$waitS): int {
                    if (preg_match('/^Retry-After: (\d+)/i', $line, $said)) {
                        $waitS = min(60, (int) $said[1]);
                    }
                    return strlen($line);
                },
            ]);
            $body = curl_exec($request);
            if ($body === false) {
                throw new Problem(curl_error($request));
            }
            $status = curl_getinfo($request, CURLINFO_RESPONSE_CODE);
            $told = json_decode($body, true) ?? [];
            if ($status < 300) {
                return $told;
            }
            if (!in_array($status, AGAIN, true) || $attempt >= ATTEMPTS) {
                throw new Problem(sprintf('%d: %s (request %s)', $status, $told['detail'] ?? '', $told['request_id'] ?? '-'));
            }
            usleep((int) ($waitS * 1e6));
        }
    }

    /** The rows of any list, page after page. */
    public function rows(string $path, array $query = []): Generator
    {
        do {
            $page = $this->get($path, $query);
            yield from $page['data'];
            $query['cursor'] = $page['next'];
        } while ($page['next'] !== null);
    }

    /** Calls `$heard(kind, data, id)` for each event until it returns false; comes back where it is cut off. */
    public function live(array $query, callable $heard, ?string $lastId = null): void
    {
        do {
            $rest = '';
            $event = [];
            $done = false;
            $headers = ['Accept: text/event-stream', ...($lastId === null ? [] : ["Last-Event-ID: $lastId"])];
            $request = $this->request('/v1/live', $query, $headers);
            curl_setopt_array($request, [
                CURLOPT_LOW_SPEED_LIMIT => 1, // a stream says something every 15 s
                CURLOPT_LOW_SPEED_TIME => 45,
                CURLOPT_FAILONERROR => true,
                CURLOPT_WRITEFUNCTION => function ($_, string $bytes) use (&$rest, &$event, &$done, &$lastId, $heard): int {
                    $lines = preg_split('/\r\n|\n/', $rest . $bytes);
                    $rest = array_pop($lines); // a part of a line waits for the rest
                    foreach ($lines as $line) {
                        [$field, $value] = [...explode(': ', $line, 2), ''];
                        if ($line !== '') {
                            $event[$field] = isset($event[$field]) ? $event[$field] . "\n" . $value : $value;
                            continue;
                        }
                        $lastId = $event['id'] ?? $lastId; // of a comment, too: it says how far the stream is
                        $this->backMs = (int) ($event['retry'] ?? $this->backMs);
                        if (isset($event['data']) && $heard($event['event'], json_decode($event['data'], true), $lastId) === false) {
                            $done = true;
                            return 0; // ends the transfer
                        }
                        $event = [];
                    }
                    return strlen($bytes);
                },
            ]);
            curl_exec($request);
            unset($query['first']); // who comes back has had it
            $status = curl_getinfo($request, CURLINFO_RESPONSE_CODE);
            if ($status >= 400 && !in_array($status, AGAIN, true)) {
                throw new Problem(curl_error($request));
            }
            if (!$done) {
                usleep($this->backMs * 1000);
            }
        } while (!$done);
    }

    private function request(string $path, array $query, array $headers): CurlHandle
    {
        $request = curl_init($this->url . $path . '?' . http_build_query($query));
        curl_setopt($request, CURLOPT_HTTPHEADER, ["Authorization: Bearer {$this->key}", ...$headers]);
        return $request;
    }
}

function say(array $document): void
{
    echo json_encode($document, JSON_UNESCAPED_SLASHES), "\n";
}

[, $url, $key, $plant, $since] = $argv;
$left = (int) ($argv[5] ?? 0);
$gridcast = new Gridcast($url, $key);
$path = '/v1/plants/' . rawurlencode($plant);

$forecast = $gridcast->get("$path/forecasts/latest", ['levels' => '0.1,0.5,0.9', 'horizons' => '15min,1h']);
foreach ($forecast['steps'] as $step) {
    say(['valid_at' => $step['valid_at'], 'power_kw' => $step['power_kw']]);
}

$energyKwh = 0.0;
$scans = 0;
foreach ($gridcast->rows("$path/actuals", ['from' => $since, 'limit' => 50]) as $scan) {
    $energyKwh += ($scan['power_kw'] ?? 0.0) / 4; // of a plant with quarters of an hour
    $scans++;
}
say(['scans' => $scans, 'energy_kwh' => $energyKwh]);

if ($left > 0) {
    $gridcast->live(
        ['kinds' => 'forecast,alert', 'first' => 'true'],
        function (string $kind, array $data, string $id) use (&$left): bool {
            say(['kind' => $kind, 'plant_id' => $data['plant_id'], 'id' => $id]);
            return --$left > 0;
        },
    );
}
