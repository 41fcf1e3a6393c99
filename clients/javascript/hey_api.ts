// A client that hey-api made from the server's own description.
import { createClient, createConfig } from "./client/client/index.js";
import {
  cancelJob,
  createToken,
  generate,
  getAudio,
  getJob,
  listOwnSounds,
  register,
  speak,
} from "./client/index.js";

declare const process: { argv: string[] };
const [baseUrl] = process.argv.slice(2);
const account = { username: "hey-api", password: "of a generated account" };

function check(holds: boolean, what: unknown): asserts holds {
  if (!holds) throw new Error(`not as expected: ${JSON.stringify(what)}`);
}

const anybody = createClient(createConfig({ baseUrl }));
check((await register({ client: anybody, body: account })).data !== undefined, "register");
const { data: made } = await createToken({ client: anybody, body: account });
check(made !== undefined, "token");
const client = createClient(createConfig({ baseUrl, auth: () => made.token }));

const { data: submitted } = await generate({ client, body: { prompt: "calm rain", duration: 2 } });
check(submitted !== undefined, "generate");
const path = { job_id: submitted.job_id };
let job = (await getJob({ client, path })).data;
while (job !== undefined && (job.status === "queued" || job.status === "processing")) {
  await new Promise((resolve) => setTimeout(resolve, 200));
  job = (await getJob({ client, path })).data;
}
check(job?.status === "completed" && typeof job.filename === "string", job);

const audio = await getAudio({ client, path: { filename: job.filename }, parseAs: "arrayBuffer" });
check(audio.response?.ok === true && (audio.data as unknown as ArrayBuffer).byteLength > 10_000, audio.error);

const refused = await cancelJob({ client, path });
check(refused.error?.code === "job_not_queued", refused.error);

const own = await listOwnSounds({ client, query: { search: "rain" } });
check(own.data?.items[0]?.id === job.generation_id, own.data);
const spoken = await speak({ client, body: { text: "Good morning." } });
check(spoken.data?.success === true && spoken.data.duration > 0.3, spoken.error);
