/** Starts a server in front of an upstream and tells its port. */
export type StartContestant = (upstream: string) => Promise<number>
