// Shows the API's description on the page at /schema.

const place = document.getElementById("schema");

window.SwaggerUIBundle({
  domNode: place,
  url: place.dataset.schemaUrl,
  deepLinking: true,
  // The validator badge would ask another host about our description.
  validatorUrl: null,
});
