<?php

declare(strict_types=1);

namespace Deskhand\Chat;

defined('ABSPATH') || exit;

/**
 * What the widget itself says, for languages that it has no file of its own for. The English is that of
 * assets/deskhand-en.js; a test holds the two together.
 */
final class Words
{
    /** The widget's own files (deskhand-en.js, deskhand-de.js). */
    private const OWN = '/^(en|de)(_|$)/';

    /** @return array<string, string> what is translated, by the widget's names; nothing where the widget has a file */
    public static function of(string $locale): array
    {
        if (preg_match(self::OWN, $locale)) {
            return [];
        }
        $words = self::all();
        // Untranslated, they would only make pages longer.
        return is_textdomain_loaded('deskhand') ? $words : [];
    }

    /** @return array<string, string> */
    public static function all(): array
    {
        return [
            'title' => __('Help', 'deskhand'),
            'subtitle' => __('Answers from our help pages', 'deskhand'),
            'greeting' => __('Hello! What would you like to know?', 'deskhand'),
            'open' => __('Open the chat', 'deskhand'),
            'unread' => __('Open the chat (new message)', 'deskhand'),
            'close' => __('Close', 'deskhand'),
            'log' => __('Conversation', 'deskhand'),
            'suggestions' => __('Suggested questions', 'deskhand'),
            'placeholder' => __('Ask a question…', 'deskhand'),
            'send' => __('Send', 'deskhand'),
            'stop' => __('Stop answering', 'deskhand'),
            'fresh' => __('New conversation', 'deskhand'),
            'you' => __('You:', 'deskhand'),
            'agent' => __('Answer:', 'deskhand'),
            'staff' => __('Our team', 'deskhand'),
            'working' => __('One moment…', 'deskhand'),
            'writing' => __('Writing…', 'deskhand'),
            'rephrasing' => __('Taking another look…', 'deskhand'),
            'stopping' => __('Stopping…', 'deskhand'),
            'reconnecting' => __('Reconnecting…', 'deskhand'),
            'unreachable' => __('The chat can’t be reached right now. It keeps trying.', 'deskhand'),
            'waiting' => __('Another answer is still being written here. Yours comes next…', 'deskhand'),
            /* translators: keep {n} as it is */
            'busy' => __('Many questions at once. Trying again in {n} s…', 'deskhand'),
            /* translators: keep {who} as it is */
            'typing' => __('{who} is typing…', 'deskhand'),
            'held' => __('Your message is with our team. They will answer here.', 'deskhand'),
            'answering' => __('Still answering. You can stop it, or wait a moment.', 'deskhand'),
            'stopped' => __('You stopped this answer.', 'deskhand'),
            'incomplete' => __('This answer is incomplete.', 'deskhand'),
            'withheld' => __('Thank you. A person looks at your question first and will get back to you.', 'deskhand'),
            'sources' => __('Sources', 'deskhand'),
            'tab' => __('opens in a new tab', 'deskhand'),
            /* translators: keep {n} and {title} as it is */
            'source' => __('Source {n}: {title}', 'deskhand'),
            'up' => __('Helpful', 'deskhand'),
            'down' => __('Not helpful', 'deskhand'),
            'thanks' => __('Thank you for telling us.', 'deskhand'),
            'why' => __('What was wrong?', 'deskhand'),
            'incorrect' => __('Incorrect', 'deskhand'),
            'missing' => __('Something is missing', 'deskhand'),
            'unclear' => __('Unclear', 'deskhand'),
            'off_topic' => __('Not what I asked', 'deskhand'),
            'retry' => __('Try again', 'deskhand'),
            /* translators: keep {n} and {max} as it is */
            'counter' => __('{n} of {max} characters', 'deskhand'),
            'confirm' => __('Yes, go ahead', 'deskhand'),
            'decline' => __('No, don’t', 'deskhand'),
            'identity' => __('Write your order number and the e-mail address of the order below.', 'deskhand'),
            'email' => __('Your e-mail address', 'deskhand'),
            'handoff' => __('Passed on to our team', 'deskhand'),
            'contact' => __('Leave your e-mail address so that we can reach you later, too.', 'deskhand'),
            /* translators: keep {id} as it is */
            'ticket' => __('Reference: {id}', 'deskhand'),
            /* translators: keep {who} as it is */
            'joined' => __('{who} has joined the conversation.', 'deskhand'),
            /* translators: keep {who} as it is */
            'left' => __('{who} has left the conversation.', 'deskhand'),
            'error' => __('Something went wrong on our side. There is no answer yet.', 'deskhand'),
            'error_offline' => __('The connection is lost. Your message may not have arrived.', 'deskhand'),
            'error_slow' => __('This takes longer than it should. Please look again in a moment.', 'deskhand'),
            /* translators: keep {n} as it is */
            'error_rate_limited' => __('Those were many messages in a short time. Please try again in {n} min.', 'deskhand'),
            /* translators: keep {n} as it is */
            'error_overloaded' => __('Too many people are asking right now. Please try again in {n} min.', 'deskhand'),
            'error_token_refused' => __('The chat couldn’t be started. Please reload the page.', 'deskhand'),
            'error_origin_not_allowed' => __('The chat isn’t set up for this website.', 'deskhand'),
            'error_proposal_expired' => __('This offer has expired. Please ask again.', 'deskhand'),
            'error_load' => __('Your earlier conversation couldn’t be loaded.', 'deskhand'),
            'error_feedback' => __('Your feedback couldn’t be sent.', 'deskhand'),
        ];
    }
}
