// Which of several hands a stream follows: sign2sound/follower.py, where the reasons stand.

export class Follower {
  constructor({follower}) {
    this.values = follower;
    this.hand = null;
    this.seen = -Infinity; // when
    this.lookAt = -Infinity;
    this.rival = null;
    this.agreeing = 0; // looks in a row that found the rival
    this.freeFrom = -Infinity; // no hand is followed before
  }

  /** The hand to follow, of all in a frame where none is tracked; null for none. */
  found(hands, time) {
    if (time < this.freeFrom) return null;
    let hand;
    if (this.hand && time - this.seen <= this.values.lost) {
      const near = hands.filter((other) => handDistance(other, this.hand) < 2 * handSize(this.hand));
      hand = best(near, (other) => -handDistance(other, this.hand));
    } else {
      hand = best(hands, handSize);
      this.lookAt = time + this.values.look_every;
    }
    if (hand) [this.hand, this.seen] = [hand, time];
    return hand;
  }

  /** Take the hand tracked in this frame. Whether the other hands are to be looked at. */
  lookDue(hand, time) {
    [this.hand, this.seen] = [hand, time];
    return time >= this.lookAt;
  }

  /** Take all hands of this frame. Whether another takes over; no hand is to be followed for a moment then. */
  looked(hands, time) {
    const others = hands.filter((other) => handDistance(other, this.hand) > handSize(this.hand) / 2);
    const rival = best(others, handSize);
    if (!rival || handSize(rival) < this.values.larger * handSize(this.hand)) {
      [this.rival, this.agreeing, this.lookAt] = [null, 0, time + this.values.look_every];
      return false;
    }
    const steady = this.rival && handDistance(rival, this.rival) < handSize(rival);
    [this.rival, this.agreeing, this.lookAt] = [rival, steady ? this.agreeing + 1 : 1, time + this.values.look_again];
    if (this.agreeing < this.values.looks) return false;
    [this.hand, this.rival, this.agreeing, this.freeFrom] = [null, null, 0, time + this.values.lost];
    return true;
  }
}

/** Pixels from the wrist to the knuckles, which no closing of the fingers changes. */
export function handSize({landmarks}) {
  const [x, y, z] = landmarks;
  const reach = (point) => Math.hypot(landmarks[3 * point] - x, landmarks[3 * point + 1] - y, landmarks[3 * point + 2] - z);
  return (reach(5) + reach(9) + reach(13) + reach(17)) / 4;
}

/** Pixels between the middles of two hands. */
function handDistance(a, b) {
  let [x, y] = [0, 0];
  for (let place = 0; place < 63; place += 3) {
    x += a.landmarks[place] - b.landmarks[place];
    y += a.landmarks[place + 1] - b.landmarks[place + 1];
  }
  return Math.hypot(x, y) / 21;
}

/** The first of those with the highest score; null of none. */
function best(hands, score) {
  return hands.reduce((most, hand) => (most && score(most) >= score(hand) ? most : hand), null);
}
