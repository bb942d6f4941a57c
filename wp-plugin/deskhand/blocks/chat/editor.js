// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The chat's block in the editor: a picture of it, and what may differ from the site's settings. Plain calls of
 * WordPress's own packages, so that no build is needed.
 */
(({ blocks, blockEditor, components, element, i18n }) => {
	const { createElement: h, Fragment } = element;
	const { InspectorControls, useBlockProps } = blockEditor;
	const { PanelBody, SelectControl, TextControl, TextareaControl } = components;
	const { __ } = i18n;
	const site = window.deskhandChat ?? {};

	const Edit = ({ attributes, setAttributes }) => {
		const { heading, greeting, suggestions, size } = attributes;
		const field = (Control, name, label, help, more = {}) => h(Control, {
			label,
			help,
			value: attributes[name],
			placeholder: typeof site[name] === 'string' ? site[name] : site[name]?.join('\n'),
			onChange: (value) => setAttributes({ [name]: value }),
			__nextHasNoMarginBottom: true,
			__next40pxDefaultSize: true,
			...more,
		});
		return h(Fragment, {},
			h(InspectorControls, {},
				h(PanelBody, { title: __('Chat', 'deskhand') },
					h('p', {}, __('What you leave empty is as in the settings of Deskhand.', 'deskhand')),
					field(TextControl, 'heading', __('Heading', 'deskhand'), undefined, { maxLength: 80 }),
					field(TextareaControl, 'greeting', __('Greeting', 'deskhand'), undefined, { maxLength: 400, __next40pxDefaultSize: undefined }),
					field(TextareaControl, 'suggestions', __('Suggested questions', 'deskhand'), __('One a line, six at most.', 'deskhand'), {
						value: suggestions.join('\n'),
						onChange: (text) => setAttributes({ suggestions: text.split('\n').slice(0, 6) }),
						__next40pxDefaultSize: undefined,
					}),
					field(SelectControl, 'size', __('Size', 'deskhand'), undefined, {
						options: [
							{ value: 'small', label: __('Small', 'deskhand') },
							{ value: 'medium', label: __('Medium', 'deskhand') },
							{ value: 'large', label: __('Large', 'deskhand') },
						],
					}))),
			h('div', useBlockProps({ className: `deskhand-preview deskhand-preview-${size}` }),
				h('div', { className: 'deskhand-preview-bar' }, h('span', { className: 'deskhand-preview-mark', 'aria-hidden': true, style: site.accent ? { background: site.accent } : undefined }), h('strong', {}, heading || site.heading || __('Help chat', 'deskhand'))),
				h('div', { className: 'deskhand-preview-body' },
					h('p', { className: 'deskhand-preview-greeting' }, greeting || site.greeting || __('Hello! What would you like to know?', 'deskhand')),
					(suggestions.length ? suggestions : site.suggestions ?? []).filter((text) => text.trim()).map((text, i) => h('span', { key: i, className: 'deskhand-preview-suggestion' }, text))),
				h('div', { className: 'deskhand-preview-input', 'aria-hidden': true }, __('Ask a question…', 'deskhand'))));
	};

	// Drawn by the server, so nothing of it is stored in the post.
	blocks.registerBlockType('deskhand/chat', { edit: Edit, save: () => null });
})(window.wp);
