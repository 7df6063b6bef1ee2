import { EmbeddedSeats } from '../../src/server/state/seats/embedded-seats.ts';
import { seatsSuite } from './seats-suite.ts';

seatsSuite('embedded', (most, endsOldest) => ({
  seats: new EmbeddedSeats({ most, endsOldest }),
  close: () => {},
}));
