<?php

declare(strict_types=1);

namespace Deskhand\Tests;

use Deskhand\Hours\BackendHours;
use Deskhand\Hours\HoursInWords;
use Deskhand\Hours\OpeningHours;

/**
 * Opening hours: read as people write them, kept by the backend, and shown so that they are read again as the same.
 */
final class HoursTest extends TestCase
{
    protected function tearDown(): void
    {
        update_option('timezone_string', 'Europe/Vienna');
        parent::tearDown();
    }

    /** @dataProvider hours */
    public function testTheyAreReadWholeOrNotAtAll(string $hours, string $language, ?array $at): void
    {
        $week = OpeningHours::week($hours, $language);
        if ($at === null) {
            self::assertNull($week, $hours);
            return;
        }
        self::assertNotNull($week, $hours);
        foreach ($at as [$day, $time, $isOpen]) {
            [$hour, $minute] = array_map('intval', explode(':', $time));
            $now = $hour * 60 + $minute;
            $in = array_filter($week[$day], static fn (array $span): bool => $now >= $span[0] && $now < $span[1]);
            self::assertSame($isOpen, $in !== [], "$hours, day $day at $time");
        }
        // Nothing gets lost between the field, the backend and the field again.
        self::assertSame($week, OpeningHours::week(HoursInWords::of($week), OpeningHours::language()), HoursInWords::of($week));
        $read = BackendHours::read(BackendHours::line('Europe/Vienna', $week, ['2026-12-24..2026-12-26', '2027-01-01']));
        self::assertSame(['zone' => 'Europe/Vienna', 'week' => $week, 'closed' => ['2026-12-24..2026-12-26', '2027-01-01']], $read);
    }

    public function hours(): iterable
    {
        foreach (json_decode((string) file_get_contents(__DIR__ . '/hours.json'), true)['read'] as $case) {
            yield "{$case['hours']} ({$case['lang']})" => [$case['hours'], $case['lang'], $case['at']];
        }
    }

    public function testANightIsToldAsOneOfTheEvening(): void
    {
        $said = static fn (string $hours): string => HoursInWords::of((array) OpeningHours::week($hours));
        self::assertSame('Fri 18:00–2:00', $said('Fri 18-2, Sat closed'));
        self::assertSame('Mon–Sun 18:00–2:00', $said('daily 18-2'));
        self::assertSame('Fri 18:00–2:00; Sat 10:00–14:00', $said('Fri 18-2, Sat 10-14'));
        self::assertSame('Mon–Sun 0:00–24:00', $said('24/7'));
        self::assertSame('Mon–Fri 8:00–12:00, 13:00–17:00; Sat 10:00–14:00', $said('Mo–Fr 8–12, 13–17 Uhr, Sa 10–14'));
    }

    /** @dataProvider days */
    public function testDaysOnWhichNobodyComes(string $typed, ?string $day): void
    {
        self::assertSame($day, BackendHours::closed($typed));
    }

    public function days(): iterable
    {
        yield ['2026-12-24', '2026-12-24'];
        yield ['2026-12-24..2026-12-26', '2026-12-24..2026-12-26'];
        yield ['24.12.2026 – 26.12.2026', '2026-12-24..2026-12-26'];
        yield ['24.12.2026 - 1.1.2027', '2026-12-24..2027-01-01'];
        yield ['24. 12. 2026 bis 26. 12. 2026', '2026-12-24..2026-12-26'];
        yield ['2026-12-24 to 2026-12-26', '2026-12-24..2026-12-26'];
        yield ['24.12.', null];
        yield ['2026-02-30', null];
        yield ['2026-12-24..2026-12-25..2026-12-26', null];
        yield ['Christmas', null];
        yield ['2026-12-24; Mon 0:00-24:00', null];
    }

    /** @dataProvider zones */
    public function testTheTimeZoneHasANameThatTheBackendKnows(string $city, float $difference, ?string $zone): void
    {
        update_option('timezone_string', $city);
        update_option('gmt_offset', $difference);
        self::assertSame($zone, BackendHours::zone());
    }

    public function zones(): iterable
    {
        yield ['Europe/Vienna', 1, 'Europe/Vienna'];
        yield ['', 0, 'UTC'];
        yield ['', 2, 'Etc/GMT-2'];
        yield ['', -11, 'Etc/GMT+11'];
        yield ['', 5.5, null];
    }

    public function testTheBackendKeepsThem(): void
    {
        $this->connect();
        wp_set_current_user(1);
        $kept = ['name' => 'Rig', 'mode' => 'assist', 'hours' => null, 'away' => null];
        $this->backend = static function (array $request) use (&$kept): array {
            foreach ($request['method'] === 'PATCH' ? $request['json'] : [] as $name => $value) {
                $kept[$name] = $value === '' ? null : $value;
            }
            return self::http(200, $kept);
        };
        $ask = static fn (string $hours, string $closed = '', string $away = ''): array => self::rest('POST', '/hours', compact('hours', 'closed', 'away'))->get_data();
        self::assertSame(['hours' => '', 'closed' => '', 'away' => '', 'zone' => ''], self::rest('GET', '/hours')->get_data());
        $told = $ask('Mo–Fr 8–12, 13–17 Uhr, Sa 10–14', "24.12.2026 – 26.12.2026\n\n2027-01-01", 'We are back {opens}.');
        self::assertSame(['hours' => 'Mon–Fri 8:00–12:00, 13:00–17:00; Sat 10:00–14:00', 'closed' => "2026-12-24..2026-12-26\n2027-01-01", 'away' => 'We are back {opens}.', 'zone' => ''], $told);
        $day = ' 8:00-12:00,13:00-17:00; ';
        self::assertSame("Europe/Vienna; Mon{$day}Tue{$day}Wed{$day}Thu{$day}Fri{$day}Sat 10:00-14:00; closed 2026-12-24..2026-12-26,2027-01-01", $kept['hours']);
        self::assertSame($told, self::rest('GET', '/hours')->get_data());
        self::assertStringStartsWith('Bearer ' . self::KEY_ID . '.', end($this->requests)['headers']['authorization']);

        // As the backend's operator may have written it.
        $kept['hours'] = 'America/New_York; Fri 18:00-24:00; Sat 0:00-2:00; closed 2026-12-24, 2026-12-31';
        $told = self::rest('GET', '/hours')->get_data();
        self::assertSame(['Fri 18:00–2:00', "2026-12-24\n2026-12-31", 'America/New_York'], [$told['hours'], $told['closed'], $told['zone']]);
        $ask($told['hours'], $told['closed']);
        self::assertSame('Europe/Vienna; Fri 18:00-24:00; Sat 0:00-2:00; closed 2026-12-24,2026-12-31', $kept['hours']);
        self::assertSame('', $ask('')['hours']);
        self::assertNull($kept['hours']);

        // What can't be understood the backend never hears of.
        $before = count($this->requests);
        self::assertStringContainsString('can\'t be read', $ask('Mon-Fri 9-17 or so')['detail']);
        self::assertStringContainsString('Christmas', $ask('Mon-Fri 9-17', 'Christmas')['detail']);
        self::assertStringContainsString('always in', $ask('', '2026-12-24')['detail']);
        update_option('timezone_string', '');
        update_option('gmt_offset', 5.5);
        self::assertStringContainsString('city', $ask('Mon-Fri 9-17')['detail']);
        self::assertCount($before, $this->requests);
    }

    public function testWhatTheBackendSaysInsteadIsPassedOn(): void
    {
        $this->connect();
        wp_set_current_user(1);
        $save = static fn (): \WP_REST_Response => self::rest('POST', '/hours', ['hours' => 'Mon-Fri 9-17', 'closed' => '', 'away' => '']);
        $this->backend = static fn (): array => self::http(422, ['code' => 'invalid_field', 'detail' => 'There is no time zone.']);
        self::assertSame([422, 'There is no time zone.'], [$save()->get_status(), $save()->get_data()['detail']]);
        $this->backend = static fn (): array => self::http(200, ['name' => 'Rig', 'mode' => 'assist']);
        self::assertStringContainsString('deskhand site set', $save()->get_data()['detail']);
        $this->backend = static fn (): array => self::http(200, ['hours' => 'whenever', 'away' => null]);
        self::assertSame([502, 'not_json'], [$save()->get_status(), $save()->get_data()['code']]);
        $this->backend = static fn (): \WP_Error => self::down();
        self::assertSame([502, 'unreachable'], [$save()->get_status(), $save()->get_data()['code']]);
    }
}
