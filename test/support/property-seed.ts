import fc from 'fast-check';

/*
 * Properties are tried on the same values in every run, so that a run says something about the change at hand. Others:
 * KCG_PROPERTY_SEED=<number>; a failing one prints its own. Where a length has a bound, values reach it: fast-check alone stays
 * below a dozen.
 */
fc.configureGlobal({
  seed: Number(process.env['KCG_PROPERTY_SEED'] ?? 1),
  defaultSizeToMaxWhenMaxSpecified: true,
});
