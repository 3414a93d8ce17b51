// Several media elements as one: the cameras of a moment. The main one leads and is heard, the others follow it.

const TOLERANCE = 0.15; // seconds that a follower may be off before it is moved

export class Moment {
  views = []; // {element, offset, duration}; `offset` is the seconds by which a view begins after the first
  main = 0;

  /** `range` is the part that may be seen, in seconds of the first view. */
  constructor(range) {
    this.range = range;
  }

  set(number, element, offset, duration) {
    this.views[number] = element && { element, offset, duration };
  }

  get #leader() {
    return this.views[this.main];
  }

  /** Seconds since the first view began. */
  get time() {
    return this.#leader ? this.#leader.element.currentTime + this.#leader.offset : 0;
  }

  get isPaused() {
    return this.#leader?.element.paused ?? true;
  }

  seek(time) {
    const to = Math.min(Math.max(time, this.range.start), this.range.end);
    if (this.#leader) this.#leader.element.currentTime = Math.max(0, to - this.#leader.offset);
    this.align(true);
  }

  async play() {
    if (this.time >= this.range.end - 0.05) this.seek(this.range.start);
    this.align();
    // A browser may refuse to play before somebody has touched the page.
    await this.#leader?.element.play().catch(() => {});
  }

  pause() {
    this.views.forEach((view) => view?.element.pause());
  }

  toggle() {
    if (this.isPaused) this.play();
    else this.pause();
  }

  step(seconds) {
    this.pause();
    this.seek(this.time + seconds);
  }

  set rate(rate) {
    this.views.forEach((view) => view && (view.element.playbackRate = rate));
  }

  /** Let another view lead, at the same time. */
  lead(number) {
    const { time, isPaused } = this;
    const isMuted = this.#leader?.element.muted ?? false;
    this.main = number;
    this.views.forEach((view, at) => view && (view.element.muted = at === number ? isMuted : true));
    this.seek(time);
    if (!isPaused) this.play();
  }

  /** Bring the followers to the leader's time; `isExact` also for small differences. */
  align(isExact = false) {
    const { time, isPaused } = this;
    this.views.forEach((view, number) => {
      if (!view || number === this.main) return;
      const wanted = time - view.offset;
      const isWithin = wanted >= 0 && wanted < view.duration;
      if (isWithin && Math.abs(view.element.currentTime - wanted) > (isExact ? 0.02 : TOLERANCE)) view.element.currentTime = wanted;
      if (isPaused || !isWithin) view.element.pause();
      else if (view.element.paused) view.element.play().catch(() => {});
    });
    if (!isPaused && time >= this.range.end) this.pause();
  }
}
