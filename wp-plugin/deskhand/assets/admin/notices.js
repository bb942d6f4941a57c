// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Who closes one of Deskhand's notices doesn't see it again until what it tells of has changed.
 */
document.addEventListener( 'click', ( { target } ) => {
	const notice = target.closest( '.notice-dismiss' )?.closest( '[data-deskhand-notice]' );
	if ( notice ) {
		const { deskhandNotice, deskhandState } = notice.dataset;
		wp.apiFetch( {
			path: '/deskhand/v1/notices/dismissed',
			method: 'POST',
			data: { notice: deskhandNotice, state: deskhandState },
		} ).catch( () => {} );
	}
} );
