<?php

declare(strict_types=1);

namespace Deskhand;

defined('ABSPATH') || exit;

/**
 * Puts the parts together, once a request.
 */
final class Plugin
{
    private static ?self $plugin = null;

    public readonly Settings $settings;
    public readonly Connection\CredentialStore $credentials;
    public readonly Knowledge\Documents $documents;
    public readonly Knowledge\Eligibility $eligibility;
    public readonly Knowledge\Sender $sender;
    public readonly Knowledge\FullSync $sync;
    public readonly Events\Outbox $events;

    private function __construct()
    {
        $this->settings = new Settings();
        $this->credentials = new Connection\CredentialStore();
        $this->documents = new Knowledge\Documents();
        $this->eligibility = new Knowledge\Eligibility($this->settings);
        $this->sender = new Knowledge\Sender($this->documents, new Knowledge\Payload($this->eligibility), $this->client());
        $this->events = new Events\Outbox();
        $this->sync = new Knowledge\FullSync($this->documents, $this->eligibility, $this->sender, $this->credentials);
    }

    public static function boot(): void
    {
        if (self::$plugin !== null) {
            return;
        }
        self::$plugin = $plugin = new self();
        foreach ($plugin->parts() as $part) {
            $part->register();
        }
    }

    public static function get(): self
    {
        self::$plugin ?? self::boot();
        return self::$plugin;
    }

    /** Talks to the backend as whoever the site is connected as now. */
    public function client(): Connection\Client
    {
        return new Connection\Client($this->credentials);
    }

    /** @return iterable<Part> */
    private function parts(): iterable
    {
        yield new Translations();
        yield new Install\Lifecycle();
        yield new Rest\Cors();
        yield from $this->jobParts();
        yield from $this->eventParts();
        yield from $this->adminParts();
        yield new Chat\TokenRoute($this->settings, $this->credentials);
        $embed = new Chat\Embed($this->settings, $this->credentials);
        yield $embed;
        yield new Chat\Launcher($this->settings, $this->credentials, $embed);
        yield new Knowledge\Timetable();
        yield $this->sender;
        yield $this->sync;
        yield $recorder = new Knowledge\Recorder($this->documents, $this->eligibility, $this->sender);
        yield new Knowledge\ReplacedFiles($this->documents, $recorder);
        yield new Knowledge\DocumentRoutes($this->documents, $this->sender, $this->sync);
        yield new Knowledge\Exclusion($this->eligibility);
        yield new Knowledge\NoIndex($this->eligibility);
        if (is_admin()) {
            yield new Knowledge\Columns($this->documents, $this->eligibility, $recorder);
            yield new Knowledge\DocumentsPage($this->documents, $recorder, $this->client());
        }
    }

    /** @return iterable<Part> */
    private function jobParts(): iterable
    {
        $jobs = new Jobs\JobStore();
        $sender = $this->jobSender($jobs);
        $access = new Jobs\Access($this->settings, $this->credentials);
        $backend = new Rest\FromBackend($this->settings, $this->credentials);
        yield new Jobs\ChatRoute($jobs, $sender, $access, $this->settings);
        yield new Jobs\JobRoutes($jobs, $sender, $access, $this->settings);
        yield new Jobs\RelayRoutes($this->credentials, $this->client(), $access);
        yield new Jobs\CallbackRoute($jobs, $sender, $backend);
        yield new Connection\WayBack($backend);
        yield new Jobs\Upkeep($jobs, $sender, $this->settings);
        yield new Chat\ProfileRoute($this->credentials, $backend);
        yield new Chat\GatewayRoutes($backend);
    }

    /** @return iterable<Part> */
    private function eventParts(): iterable
    {
        yield $sender = new Events\Sender($this->events, $this->credentials, $this->client(), $this->settings);
        yield new Events\Forms($this->settings);
        yield new Shop\Recorder($this->settings, $sender);
    }

    /** @return iterable<Part> */
    private function adminParts(): iterable
    {
        $jobs = new Jobs\JobStore();
        $test = new Connection\Test($this->credentials, $this->client());
        $usage = new Admin\Usage($this->client());
        yield new Admin\TestRoute($test);
        yield new Admin\RolloutRoute($this->client());
        yield new Admin\HoursRoute($this->client());
        yield new Admin\Notices($this->credentials, $jobs, $this->events);
        yield new Health\SiteHealth($this->credentials, $test, $jobs, $this->sender);
        yield new Privacy\Tools($this->credentials, $this->client(), $jobs, $this->events);
        yield new Abilities\Reads($usage, $test, $jobs, $this->client());
        yield $handoffs = new Admin\Handoffs($this->credentials, $this->client());
        yield new Cli\Commands($usage, $test, $jobs, function (): int {
            $this->sync->start();
            return Knowledge\FullSync::state()['total'];
        });
        if (is_admin()) {
            yield new Admin\Menu(
                new Admin\SettingsPage($this->settings, $this->credentials, $this->documents),
                new Admin\JobsPage($jobs, $this->jobSender($jobs)),
                new Admin\UsagePage($usage, $jobs),
                new Admin\EventsPage($this->events),
                $handoffs,
            );
        }
    }

    private function jobSender(Jobs\JobStore $jobs): Jobs\Sender
    {
        return new Jobs\Sender($jobs, $this->credentials, $this->client());
    }
}
