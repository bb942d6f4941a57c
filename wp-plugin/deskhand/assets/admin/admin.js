// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The connection test: WordPress tries the connection from its server, this browser tries the stream, as visitors' will.
 */
( () => {
	const button = document.getElementById( 'deskhand-test' );
	const list = document.getElementById( 'deskhand-checks' );
	if ( ! button || ! list ) {
		return;
	}
	const { __, sprintf } = wp.i18n;
	const WORDS = {
		good: __( 'Good', 'deskhand' ),
		warning: __( 'Could be better', 'deskhand' ),
		bad: __( 'Not working', 'deskhand' ),
	};
	// Five events come 200 ms apart; together they came from a buffer.
	const TICKS = 5;
	const LEAST_SPREAD = 300;

	const element = ( tag, className, ...children ) => {
		const made = document.createElement( tag );
		made.className = className;
		made.append( ...children );
		return made;
	};

	const show = ( { label, state, detail, mend } ) => {
		const text = element( 'div', '', element( 'strong', '', label ), element( 'p', '', detail ) );
		if ( mend ) {
			text.append( element( 'p', 'mend', mend ) );
		}
		list.append( element( 'div', `deskhand-check is-${ state }`, element( 'span', 'badge', WORDS[ state ] ?? state ), text ) );
	};

	const token = async () => {
		const options = { credentials: 'same-origin', cache: 'no-store' };
		const session = await fetch( button.dataset.session, options );
		const { nonce } = await session.json();
		const answer = await fetch( button.dataset.token, {
			...options,
			method: 'POST',
			body: '{}',
			headers: { 'Content-Type': 'application/json', 'X-WP-Nonce': nonce },
		} );
		if ( ! answer.ok ) {
			throw new Error( ( await answer.json() ).detail );
		}
		return ( await answer.json() ).token;
	};

	const streaming = async () => {
		const label = __( 'Streaming', 'deskhand' );
		const without = __( 'Visitors still get answers: their questions go by WordPress, and the answer comes in one piece.', 'deskhand' );
		const bad = ( detail, mend ) => ( { label, state: 'warning', detail: `${ detail } ${ without }`, mend } );
		let response;
		try {
			response = await fetch( `${ button.dataset.backend }/api/stream-check`, {
				headers: { Authorization: `Bearer ${ await token() }`, Accept: 'text/event-stream' },
				cache: 'no-store',
				signal: AbortSignal.timeout( 15000 ),
			} );
		} catch ( error ) {
			return bad(
				sprintf( /* translators: %s: an error */ __( 'This browser can’t reach the backend (%s).', 'deskhand' ), error.message ),
				__( 'Put the backend behind https at an address that visitors can reach, and check that it knows this site’s address.', 'deskhand' )
			);
		}
		if ( ! response.ok ) {
			const { detail } = await response.json().catch( () => ( {} ) );
			return bad( detail || sprintf( /* translators: %d: an HTTP status */ __( 'The backend answered with status %d.', 'deskhand' ), response.status ), '' );
		}
		const times = [];
		const reader = response.body.getReader();
		const decoder = new TextDecoder();
		let text = '';
		for ( ;; ) {
			const { done, value } = await reader.read();
			if ( done ) {
				break;
			}
			text += decoder.decode( value, { stream: true } );
			const count = text.split( 'event: tick' ).length - 1;
			while ( times.length < count ) {
				times.push( performance.now() );
			}
		}
		const spread = times.length > 1 ? times[ times.length - 1 ] - times[ 0 ] : 0;
		if ( times.length < TICKS ) {
			return bad( __( 'The stream broke off.', 'deskhand' ), __( 'A proxy before the backend ends streams: give it a longer time limit.', 'deskhand' ) );
		}
		return spread < LEAST_SPREAD
			? bad( __( 'A stream arrives in one piece.', 'deskhand' ), __( 'A proxy before the backend holds answers back. In nginx: proxy_buffering off.', 'deskhand' ) )
			: { label, state: 'good', detail: __( 'Answers reach this browser as they are written.', 'deskhand' ), mend: '' };
	};

	button.addEventListener( 'click', async () => {
		button.disabled = true;
		list.replaceChildren( element( 'p', 'deskhand-busy', __( 'Testing…', 'deskhand' ) ) );
		let checks = [];
		try {
			( { checks } = await wp.apiFetch( { path: '/deskhand/v1/connection-test', method: 'POST' } ) );
			list.replaceChildren();
			checks.forEach( show );
			if ( checks.length > 4 ) {
				const last = await streaming();
				show( last );
				checks.push( last );
			}
		} catch ( error ) {
			list.replaceChildren();
			show( { label: __( 'Test', 'deskhand' ), state: 'bad', detail: error.message, mend: '' } );
		}
		const wrong = checks.filter( ( { state } ) => state !== 'good' );
		wp.a11y.speak( wrong.length ? wrong.map( ( { label, detail } ) => `${ label }: ${ detail }` ).join( ' ' ) : __( 'Everything is as it should be.', 'deskhand' ) );
		button.disabled = false;
		button.focus();
	} );
} )();
