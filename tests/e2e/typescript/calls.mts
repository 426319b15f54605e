// What a generated client is used for; prints what it was answered. Each @ts-expect-error is a mistake that the types
// must catch: where one does not, the type check fails.
import { argv, env } from "node:process";
import { AwsClient } from "aws4fetch";
import createClient from "openapi-fetch";
import type { components, paths } from "./relearn.js";

type Flower = components["schemas"]["IrisInstance"];

const aws = new AwsClient({
  accessKeyId: env.AWS_ACCESS_KEY_ID!,
  secretAccessKey: env.AWS_SECRET_ACCESS_KEY!,
  sessionToken: env.AWS_SESSION_TOKEN,
  region: env.AWS_REGION,
  service: "execute-api",
});
const api = createClient<paths>({ baseUrl: env.API_URL, fetch: (request) => aws.fetch(request) });

const instances: Flower[] = JSON.parse(argv[2]);
const predicted = await api.POST("/v1/models/iris/predict", {
  params: { header: { "Idempotency-Key": crypto.randomUUID() } },
  body: { instances },
});
if (predicted.error) throw new Error(JSON.stringify(predicted.error));
const labels: ("setosa" | "versicolor" | "virginica")[] = predicted.data.predictions.map(({ label }) => label);

const refused = await api.POST("/v1/models/iris/predict", {
  // @ts-expect-error a number is no text, and there is no colour
  body: { instances: [{ ...instances[0], sepal_length: "long", colour: "blue" }] },
});
const problem = refused.error;
const pointers = problem && "errors" in problem ? problem.errors.flatMap((one) => ("pointer" in one ? [one.pointer] : [])) : [];

// @ts-expect-error there is no such model
const missing = await api.GET("/v1/models/{model}", { params: { path: { model: "tulip" } } });
const type = missing.error && "type" in missing.error ? missing.error.type : null;

const models = await api.GET("/v1/models");
const names: string[] = models.data?.models.map(({ name }) => name) ?? [];

// @ts-expect-error there is no such path
const nothing: unknown = api.GET("/v1/tulips");
await nothing;

console.log(JSON.stringify({ answer: predicted.data, labels, pointers, type, names }));
