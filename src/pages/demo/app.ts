/**
 * The app that `holdfast start` runs when it is given none: a second screen for a football final,
 * with a live poll whose votes are counted right over all workers. The page is in page/.
 */

import { type App, defineApp } from 'holdfast';
import { createDemo } from './demo.ts';

const demo: App = defineApp(createDemo());

export default demo;
