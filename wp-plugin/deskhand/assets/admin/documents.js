// SPDX-License-Identifier: GPL-2.0-or-later
/** Keeps states of documents and the progress of the full sync up to date while somebody looks at them. */
(({ apiFetch, i18n }) => {
	const { __, sprintf } = i18n;
	const LONGEST = 30_000;

	const passing = ['queued', 'sent', 'waiting', 'processing'];
	const cells = () => [...document.querySelectorAll('[data-deskhand-id]')].filter(({ dataset }) => passing.includes(dataset.deskhandState));

	const word = (className, text) => {
		const span = document.createElement('span');
		span.className = className;
		span.textContent = text;
		return span;
	};

	const look = async () => {
		const waiting = cells();
		let changed = false;
		for (const source of new Set(waiting.map(({ dataset }) => dataset.deskhandSource))) {
			const ids = waiting.filter(({ dataset }) => dataset.deskhandSource === source).map(({ dataset }) => dataset.deskhandId).slice(0, 100);
			const query = new URLSearchParams([['source', source], ...ids.map((id) => ['ids[]', id])]);
			const { documents } = await apiFetch({ path: `/deskhand/v1/documents?${query}` });
			for (const { id, state, label, why } of documents) {
				for (const cell of waiting.filter(({ dataset }) => dataset.deskhandId === String(id) && dataset.deskhandState !== state)) {
					cell.dataset.deskhandState = state;
					cell.replaceChildren(word(`deskhand-state deskhand-state-${state}`, label), ...(why ? [word('deskhand-why', why)] : []));
					changed = true;
				}
			}
		}
		return changed;
	};

	const repeat = async (work, more) => {
		for (let wait = 2000; more(); wait = Math.min(LONGEST, wait * 1.5)) {
			await new Promise((resolve) => { setTimeout(resolve, wait); });
			if (document.hidden) continue;
			// Away for a moment: the next look will tell
			if (await work().catch(() => false)) wait = 2000;
		}
	};

	const box = document.querySelector('[data-deskhand-sync]');
	if (box) {
		const bar = box.querySelector('progress');
		const status = box.querySelector('[role="status"]');
		const trouble = box.querySelector('.deskhand-trouble');
		const [start, stop] = ['start', 'stop'].map((name) => box.querySelector(`[name="${name}"]`));
		let report = JSON.parse(box.dataset.deskhandSync);

		// The list below is as it was before everything was sent
		const renew = async () => {
			const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), 'text/html');
			for (const part of ['.subsubsub', '.deskhand-documents-page form']) {
				const [old, fresh] = [document.querySelector(part), page.querySelector(part)];
				if (old && fresh) old.replaceWith(fresh);
			}
			repeat(look, () => cells().length > 0);
		};

		let ran = false;
		const show = (next) => {
			report = next;
			const { state, seen, total, counts, waiting } = report;
			const runs = state === 'running' || waiting > 0;
			bar.hidden = !runs;
			bar.max = Math.max(1, total);
			bar.value = state === 'running' ? seen : Math.max(0, total - waiting);
			start.hidden = state === 'running';
			stop.hidden = state !== 'running';
			trouble.hidden = !report.trouble;
			trouble.textContent = report.trouble;
			for (const figure of box.querySelectorAll('[data-count]')) {
				figure.textContent = figure.dataset.count.split(' ').reduce((sum, name) => sum + (counts[name] ?? 0), 0).toLocaleString();
			}
			status.textContent = state === 'running' ? sprintf(/* translators: 1, 2: numbers */ __('Looking through pages and files: %1$d of %2$d', 'deskhand'), seen, total)
				: waiting ? sprintf(/* translators: %d: a number */ __('%d still to be sent', 'deskhand'), waiting)
					: state === 'stopped' ? __('Stopped. Starting again begins from the front.', 'deskhand')
						: state === 'done' ? __('Everything has been sent.', 'deskhand') : '';
			if (ran && !runs) renew().catch(() => {});
			ran = runs;
		};
		const steer = (what) => async (event) => {
			event.preventDefault();
			start.disabled = stop.disabled = true;
			try {
				const was = report.state === 'running' || report.waiting > 0;
				show(await apiFetch({ path: '/deskhand/v1/documents/sync', method: 'POST', data: { do: what } }));
				if (!was) watch();
			} catch (error) {
				status.textContent = error.message;
			}
			start.disabled = stop.disabled = false;
			(what === 'start' ? stop : start).focus();
		};
		const watch = () => repeat(async () => {
			const before = JSON.stringify(report);
			show(await apiFetch({ path: '/deskhand/v1/documents/sync' }));
			return before !== JSON.stringify(report);
		}, () => report.state === 'running' || report.waiting > 0 || (report.counts.sent ?? 0) + (report.counts.processing ?? 0) + (report.counts.waiting ?? 0) > 0);
		start.addEventListener('click', steer('start'));
		stop.addEventListener('click', steer('stop'));
		show(report);
		watch();
	}
	repeat(look, () => cells().length > 0);
})(window.wp);
