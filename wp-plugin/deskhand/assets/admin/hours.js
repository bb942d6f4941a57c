// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * When somebody is in: what the backend keeps, as people write it.
 */
( () => {
	const form = document.getElementById( 'deskhand-hours' );
	if ( ! form ) {
		return;
	}
	const { __, sprintf } = wp.i18n;
	const fields = form.querySelector( 'fieldset' );
	const status = form.querySelector( '[role=status]' );
	const path = '/deskhand/v1/hours';
	const names = [ 'hours', 'closed', 'away' ];

	const say = ( text, state = '' ) => {
		status.textContent = text;
		status.className = state || 'deskhand-busy';
	};

	const show = ( told, words ) => {
		names.forEach( ( name ) => {
			form.elements[ name ].value = told[ name ];
		} );
		fields.disabled = false;
		say( told.zone ? sprintf( /* translators: %s: a time zone */ __( 'These hours are counted in %s so far. Saving them counts them in this site’s time zone.', 'deskhand' ), told.zone ) : words );
	};

	const failed = ( error ) => say( error.message, 'deskhand-wrong' );

	wp.apiFetch( { path } ).then( ( told ) => show( told, '' ) ).catch( failed );

	form.addEventListener( 'submit', async ( event ) => {
		event.preventDefault();
		const data = Object.fromEntries( names.map( ( name ) => [ name, form.elements[ name ].value ] ) );
		fields.disabled = true;
		say( __( 'Saving…', 'deskhand' ) );
		try {
			show( await wp.apiFetch( { path, method: 'POST', data } ), __( 'Saved. The hours stand here as they were understood.', 'deskhand' ) );
		} catch ( error ) {
			failed( error );
		}
		fields.disabled = false;
		form.querySelector( 'button' ).focus();
	} );
} )();
