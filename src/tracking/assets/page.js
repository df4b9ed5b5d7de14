// Keeps a tracking page up to date: takes the payment's part of the page, rendered by the server, whenever it changes,
// counts down, and shows times in the reader's own zone. Without this script the page reloads itself.
'use strict';
(() => {
  const { events, fragment, live, polling, lost, localTimes, anyMoment } = document.body.dataset;
  const connection = document.getElementById('connection');
  const announcement = document.getElementById('announcement');
  const POLL_EVERY = 5_000; // milliseconds
  const POLLS_BEFORE_STREAM = 12;
  const LOST_AFTER = 4_000;
  const SLEEP_AFTER = 60_000;

  const payment = () => document.getElementById('payment');
  const sequence = () => payment().dataset.sequence;
  const ended = () => 'ended' in payment().dataset;

  // ---- times ----

  // The page's language, as the reader's region writes it.
  const { lang } = document.documentElement;
  const regional = navigator.languages.find((tag) => tag.split('-')[0] === lang) ?? lang;
  const zoned = new Intl.DateTimeFormat(regional, {
    dateStyle: 'medium',
    timeStyle: 'medium',
  });
  let ahead = 0; // by how much the server's clock is ahead of ours

  function takeTimes() {
    ahead = Date.parse(payment().dataset.now) - Date.now();
    for (const time of payment().querySelectorAll('time:not([data-countdown])')) {
      time.textContent = zoned.format(new Date(time.dateTime));
    }
    document.getElementById('time-zone').textContent = `${localTimes} (${zoned.resolvedOptions().timeZone})`;
    countDown();
  }

  function countDown() {
    for (const time of payment().querySelectorAll('time[data-countdown]')) {
      const left = Math.ceil((Date.parse(time.dateTime) - Date.now() - ahead) / 1000);
      time.textContent = left > 0 ? clock(left) : anyMoment;
    }
  }

  function clock(seconds) {
    const two = (n) => String(n).padStart(2, '0');
    const [d, h, m, s] = [seconds / 86400, (seconds / 3600) % 24, (seconds / 60) % 60, seconds % 60].map(Math.floor);
    if (d > 0) return `${d} d ${h} h`;
    return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
  }

  // ---- changes ----

  function show(html) {
    const holder = document.createElement('template');
    holder.innerHTML = html;
    const next = holder.content.querySelector('#payment');
    if (!next || next.dataset.sequence === sequence()) return;
    const before = payment();
    const lateNow = next.querySelector('.late strong');
    const news = next.dataset.headline !== before.dataset.headline || (lateNow && !before.querySelector('.late'));
    const focused = before.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
    next.classList.add('changed');
    before.replaceWith(next);
    if (focused) [...next.querySelectorAll('a')].find((a) => a.getAttribute('href') === focused)?.focus();
    takeTimes();
    const { headline } = next.dataset;
    document.title = document.title.replace(before.dataset.headline, headline);
    if (news) announcement.textContent = lateNow ? `${headline}. ${lateNow.textContent}` : headline;
  }

  function say(text, state) {
    connection.textContent = text;
    connection.dataset.state = state;
    connection.hidden = text === '';
  }

  // ---- the stream of changes, or polls where there is none ----

  let source = null;
  let timer = 0;
  let lostTimer = 0;

  function rest() {
    source?.close();
    source = null;
    clearTimeout(timer);
    clearTimeout(lostTimer);
    lostTimer = 0;
  }

  function listen() {
    rest();
    if (ended()) return say('', 'ended');
    if (!('EventSource' in window)) return poll(0);
    source = new EventSource(`${events}&after=${sequence()}`);
    source.onopen = () => {
      clearTimeout(lostTimer);
      lostTimer = 0;
      say(live, 'live');
    };
    source.addEventListener('change', (event) => {
      show(event.data);
      if (ended()) listen();
    });
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) return poll(0);
      lostTimer ||= setTimeout(() => say(lost, 'lost'), LOST_AFTER);
    };
  }

  async function fetchOnce() {
    const response = await fetch(`${fragment}&after=${sequence()}`, { cache: 'no-store', credentials: 'omit' });
    if (response.status === 200) show(await response.text());
    return response.ok;
  }

  async function poll(count) {
    rest();
    const reached = await fetchOnce().catch(() => false);
    if (ended()) return say('', 'ended');
    say(reached ? polling : lost, reached ? 'polling' : 'lost');
    const next = count >= POLLS_BEFORE_STREAM ? listen : () => poll(count + 1);
    timer = setTimeout(next, reached ? POLL_EVERY : 2 * POLL_EVERY);
  }

  // A page nobody looks at gives its connection back after a while. Seen again, it looks once even after an end: a
  // delivery can still be reversed.
  let asleep = 0;
  document.addEventListener('visibilitychange', () => {
    clearTimeout(asleep);
    if (document.hidden) {
      asleep = setTimeout(rest, SLEEP_AFTER);
    } else if (ended()) {
      fetchOnce().catch(() => {});
    } else if (!source || source.readyState === EventSource.CLOSED) {
      listen();
    }
  });
  addEventListener('pageshow', (event) => event.persisted && listen());

  takeTimes();
  setInterval(countDown, 1_000);
  listen();
})();
