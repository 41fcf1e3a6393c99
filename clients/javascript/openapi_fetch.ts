// A client of openapi-fetch, with types that openapi-typescript made from the server's own description.
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

declare const process: { argv: string[] };
const [address] = process.argv.slice(2);
const account = { username: "fetch", password: "of a generated account" };

function check(holds: boolean, what: unknown): asserts holds {
  if (!holds) throw new Error(`not as expected: ${JSON.stringify(what)}`);
}

const anybody = createClient<paths>({ baseUrl: address });
check((await anybody.POST("/api/auth/register", { body: account })).data !== undefined, "register");
const { data: made } = await anybody.POST("/api/auth/token", { body: account });
check(made !== undefined, "token");
const client = createClient<paths>({ baseUrl: address, headers: { Authorization: `Bearer ${made.token}` } });

const { data: submitted } = await client.POST("/generate", { body: { prompt: "calm rain", duration: 2 } });
check(submitted !== undefined, "generate");
const path = { job_id: submitted.job_id };
let job = (await client.GET("/job/{job_id}", { params: { path } })).data;
while (job !== undefined && (job.status === "queued" || job.status === "processing")) {
  await new Promise((resolve) => setTimeout(resolve, 200));
  job = (await client.GET("/job/{job_id}", { params: { path } })).data;
}
check(job?.status === "completed" && typeof job.filename === "string", job);

const audio = await client.GET("/audio/{filename}", {
  params: { path: { filename: job.filename } },
  parseAs: "arrayBuffer",
});
check(audio.data !== undefined && audio.data.byteLength > 10_000, audio.response.status);

const refused = await client.POST("/api/queue/{job_id}/cancel", { params: { path } });
check(refused.error?.code === "job_not_queued" && refused.error.status === 400, refused.error);

const own = await client.GET("/api/my-generations", { params: { query: { search: "rain", sort: "created" } } });
check(own.data?.items[0]?.id === job.generation_id, own.data);
const spoken = await client.POST("/api/tts/generate", { body: { text: "Good morning." } });
check(spoken.data?.success === true && spoken.data.duration > 0.3, spoken);
