/** What the claim of a group names where a local operator runs it: a cluster's id is a UID. */
export const LOCAL_CLUSTER_ID = 'local';
