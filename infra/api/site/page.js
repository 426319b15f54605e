// Shows openapi.json, which lies beside this page, and lets people call the API they came from.
"use strict";

SwaggerUIBundle({
  url: new URL("openapi.json", document.baseURI).href,
  dom_id: "#page",
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  filter: false,
  validatorUrl: null, // no third party is told what is described here
  defaultModelsExpandDepth: 0,
});
