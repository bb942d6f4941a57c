// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * How far the agent may go: what the backend says, and what is chosen instead.
 */
( () => {
	const form = document.getElementById( 'deskhand-rollout' );
	if ( ! form ) {
		return;
	}
	const { __ } = wp.i18n;
	const fields = form.querySelector( 'fieldset' );
	const status = form.querySelector( '[role=status]' );
	const path = '/deskhand/v1/rollout';

	const show = ( { mode } ) => {
		form.elements.mode.value = mode;
		fields.disabled = false;
	};

	const say = ( text, state = '' ) => {
		status.textContent = text;
		status.className = state || 'deskhand-busy';
	};

	const failed = ( error ) => say( error.message, 'deskhand-wrong' );

	wp.apiFetch( { path } ).then( ( told ) => {
		show( told );
		say( '' );
	} ).catch( failed );

	form.addEventListener( 'submit', async ( event ) => {
		event.preventDefault();
		const { value: mode } = form.elements.mode;
		fields.disabled = true;
		say( __( 'Saving…', 'deskhand' ) );
		try {
			show( await wp.apiFetch( { path, method: 'POST', data: { mode } } ) );
			say( __( 'Saved.', 'deskhand' ) );
		} catch ( error ) {
			failed( error );
		}
		fields.disabled = false;
		form.querySelector( 'button' ).focus();
	} );
} )();
