/**
 * The chat's block in the editor: a picture of it, and what may differ from the site's settings. Plain calls of
 * WordPress's own packages, so that no build is needed.
 */
(({ blocks, blockEditor, components, element, i18n }) => {
	const { createElement: h, Fragment } = element;
	const { InspectorControls, useBlockProps } = blockEditor;
	const { PanelBody, SelectControl, TextControl, TextareaControl } = components;
	const { __ } = i18n;

	const Edit = ({ attributes, setAttributes }) => {
		const { heading, greeting, suggestions, size } = attributes;
		const field = (Control, name, label, help, more = {}) => h(Control, {
			label,
			help,
			value: attributes[name],
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
				h('div', { className: 'deskhand-preview-bar' }, h('span', { className: 'deskhand-preview-mark', 'aria-hidden': true }), h('strong', {}, heading || __('Help chat', 'deskhand'))),
				h('div', { className: 'deskhand-preview-body' },
					h('p', { className: 'deskhand-preview-greeting' }, greeting || __('How can we help?', 'deskhand')),
					suggestions.filter((text) => text.trim()).map((text, i) => h('span', { key: i, className: 'deskhand-preview-suggestion' }, text))),
				h('div', { className: 'deskhand-preview-input', 'aria-hidden': true }, __('Type your question', 'deskhand'))));
	};

	// Drawn by the server, so nothing of it is stored in the post.
	blocks.registerBlockType('deskhand/chat', { edit: Edit, save: () => null });
})(window.wp);
