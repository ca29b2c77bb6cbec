/** What AWS asks for one unit, US dollars. */
export interface Prices {
  region: string;
  /** Month that they are of, as widely published; they were not read from the pages below, which are there to compare with. */
  asOf: string;
  /** Where AWS says what it asks today. */
  sources: readonly string[];
  dynamoDbWriteUnits: number;
  dynamoDbReadUnits: number;
  vcpuHours: number;
  memoryGbHours: number;
  lambdaRequests: number;
  lambdaGbSeconds: number;
  fanOutShardHours: number;
  fanOutGb: number;
}

/**
 * On-demand list prices without free tiers, discounts and taxes. A cluster's own nodes are cheaper than Fargate, which is
 * what `vcpuHours` and `memoryGbHours` are: take the price of your nodes with `--prices`.
 */
export const US_EAST_1: Prices = {
  region: 'us-east-1',
  asOf: '2026-05',
  sources: [
    'aws.amazon.com/dynamodb/pricing/on-demand (since 2024-11)',
    'aws.amazon.com/lambda/pricing (x86)',
    'aws.amazon.com/fargate/pricing (Linux, x86)',
    'aws.amazon.com/kinesis/data-streams/pricing (provisioned)',
  ],
  dynamoDbWriteUnits: 0.625e-6,
  dynamoDbReadUnits: 0.125e-6,
  vcpuHours: 0.04048,
  memoryGbHours: 0.004445,
  lambdaRequests: 0.2e-6,
  lambdaGbSeconds: 0.0000166667,
  fanOutShardHours: 0.015,
  fanOutGb: 0.013,
};

export type Unit = Exclude<keyof Prices, 'region' | 'asOf' | 'sources'>;

export const UNITS: Readonly<Record<Unit, string>> = {
  dynamoDbWriteUnits: 'DynamoDB write units',
  dynamoDbReadUnits: 'DynamoDB read units',
  vcpuHours: 'vCPU hours',
  memoryGbHours: 'GB hours of memory',
  lambdaRequests: 'Lambda requests',
  lambdaGbSeconds: 'Lambda GB seconds',
  fanOutShardHours: 'fan-out shard hours',
  fanOutGb: 'fan-out GB',
};
