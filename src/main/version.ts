/** Of this program; the package, the chart and the image have the same. */
export const VERSION = '0.1.0';
