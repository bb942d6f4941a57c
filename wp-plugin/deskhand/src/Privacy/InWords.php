<?php

declare(strict_types=1);

namespace Deskhand\Privacy;

defined('ABSPATH') || exit;

/**
 * The backend's names of what it holds of a person, for the person.
 */
final class InWords
{
    /** What a number of the receipt counts. Beside a number, so in the plural. */
    public static function counted(string $what): string
    {
        return [
            'visitors' => __('visitor records', 'deskhand'),
            'threads' => __('conversations', 'deskhand'),
            'messages' => __('messages', 'deskhand'),
            'events' => __('steps of conversations', 'deskhand'),
            'turns' => __('answers', 'deskhand'),
            'steps' => __('steps of answers', 'deskhand'),
            'tool_calls' => __('look-ups and actions', 'deskhand'),
            'model_calls' => __('requests to language models', 'deskhand'),
            'held_sentences' => __('sentences that were held back', 'deskhand'),
            'vault' => __('hidden personal details', 'deskhand'),
            'handoffs' => __('conversations passed on to staff', 'deskhand'),
            'tickets' => __('tickets', 'deskhand'),
            'ticket_notes' => __('notes on tickets', 'deskhand'),
            'drafts' => __('drafts', 'deskhand'),
            'feedback' => __('ratings', 'deskhand'),
            'comments' => __('comments on answers', 'deskhand'),
            'gaps' => __('questions without an answer', 'deskhand'),
            'ai_jobs' => __('AI jobs', 'deskhand'),
            'callbacks' => __('results on their way', 'deskhand'),
            'bridge_events' => __('events of this site', 'deskhand'),
        ][$what] ?? self::plain($what);
    }

    /** What one thing of an export is. */
    public static function one(string $kind): string
    {
        return [
            'visitors' => __('Visitor', 'deskhand'),
            'threads' => __('Conversation', 'deskhand'),
            'mentions' => __('Message that names the address', 'deskhand'),
            'tickets' => __('Ticket', 'deskhand'),
            'handoffs' => __('Passed on to staff', 'deskhand'),
            'feedback' => __('Rating', 'deskhand'),
            'ai_jobs' => __('AI job', 'deskhand'),
            'events' => __('Event', 'deskhand'),
        ][$kind] ?? ucfirst(self::plain($kind));
    }

    /** A part of such a thing. */
    public static function part(string $name): string
    {
        return [
            'id' => __('number', 'deskhand'),
            'email' => __('e-mail address', 'deskhand'),
            'wp_user_id' => __('account', 'deskhand'),
            'profile' => __('profile', 'deskhand'),
            'profile_at' => __('profile of', 'deskhand'),
            'since' => __('since', 'deskhand'),
            'at' => __('time', 'deskhand'),
            'channel' => __('channel', 'deskhand'),
            'status' => __('status', 'deskhand'),
            'state' => __('state', 'deskhand'),
            'messages' => __('message', 'deskhand'),
            'author' => __('from', 'deskhand'),
            'text' => __('text', 'deskhand'),
            'citations' => __('source', 'deskhand'),
            'subject' => __('subject', 'deskhand'),
            'body' => __('content', 'deskhand'),
            'reason' => __('reason', 'deskhand'),
            'request' => __('asked', 'deskhand'),
            'result' => __('answered', 'deskhand'),
            'event_type' => __('what happened', 'deskhand'),
            'object_ref' => __('about', 'deskhand'),
            'data' => __('details', 'deskhand'),
            'fields' => __('details', 'deskhand'),
        ][$name] ?? self::plain($name);
    }

    private static function plain(string $code): string
    {
        return trim((string) preg_replace('/[^\pL\pN]+/u', ' ', $code));
    }
}
