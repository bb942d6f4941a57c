// SPDX-License-Identifier: GPL-2.0-or-later
/** A panel beside the post in the block editor: whether the help chat leaves it out. Saved in one piece with the post. */
(({ components, coreData, data, editor, editPost, element, i18n, plugins }) => {
	const { createElement: h } = element;
	const { __ } = i18n;
	// Moved there in WordPress 6.6
	const Panel = editor.PluginDocumentSettingPanel ?? editPost.PluginDocumentSettingPanel;
	const KEY = '_deskhand_exclude';

	const Exclude = () => {
		const type = data.useSelect((select) => select('core/editor').getCurrentPostType(), []);
		const [meta, setMeta] = coreData.useEntityProp('postType', type, 'meta');
		if (!meta || !(KEY in meta)) return null;
		return h(Panel, { name: 'deskhand', title: __('Help chat', 'deskhand') },
			h(components.ToggleControl, {
				label: __('Leave this out', 'deskhand'),
				help: __('The help chat won’t answer from it.', 'deskhand'),
				checked: !!meta[KEY],
				onChange: (value) => setMeta({ ...meta, [KEY]: value }),
				__nextHasNoMarginBottom: true,
			}));
	};

	plugins.registerPlugin('deskhand-exclude', { render: Exclude });
})(window.wp);
