import type { KinesisOperation } from './stream-operations.ts';

/** Tags of streams, by both generations of the API. */
export const tagOperations: Record<string, KinesisOperation> = {
  AddTagsToStream(kinesis, input) {
    kinesis.addTags(input.streamName(), input.textMap('Tags'));
    return {};
  },

  RemoveTagsFromStream(kinesis, input) {
    kinesis.removeTags(input.streamName(), input.texts('TagKeys'));
    return {};
  },

  ListTagsForStream(kinesis, input) {
    const after = input.optionalText('ExclusiveStartTagKey') ?? '';
    const limit = input.optionalInteger('Limit', 1, 50) ?? 50;
    const tags = wireTags(kinesis.stream(input.streamName()).tags).filter((tag) => tag.Key > after);
    return { Tags: tags.slice(0, limit), HasMoreTags: tags.length > limit };
  },

  TagResource(kinesis, input) {
    kinesis.addTags(input.streamName(), input.textMap('Tags'));
    return {};
  },

  UntagResource(kinesis, input) {
    kinesis.removeTags(input.streamName(), input.texts('TagKeys'));
    return {};
  },

  ListTagsForResource(kinesis, input) {
    return { Tags: wireTags(kinesis.stream(input.streamName()).tags) };
  },
};

function wireTags(tags: ReadonlyMap<string, string>): { Key: string; Value: string }[] {
  return [...tags].map(([Key, Value]) => ({ Key, Value })).sort((a, b) => (a.Key < b.Key ? -1 : 1));
}
