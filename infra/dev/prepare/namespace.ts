import { Connection } from "@temporalio/client";
import { temporal } from "@temporalio/proto";
import { SearchAttributeTypes } from "../../../workflows/contracts/search-attributes";

/** Finished runs stay in Temporal's UI for so long; the server's default is one day. */
const RETENTION_DAYS = 30;
const ANSWER_WITHIN_MS = 3000;

const { IndexedValueType } = temporal.api.enums.v1;

/** Registers our search attributes and lengthens the retention, where that was not done before. */
export async function prepareNamespace(address: string, namespace: string): Promise<void> {
  await withConnection(address, async (connection) => {
    await lengthenRetention(connection, namespace);
    await registerSearchAttributes(connection, namespace);
  });
}

export async function namespaceAnswers(address: string, namespace: string): Promise<boolean> {
  try {
    await withConnection(address, (connection) =>
      connection.withDeadline(Date.now() + ANSWER_WITHIN_MS, () =>
        connection.workflowService.describeNamespace({ namespace }),
      ),
    );
    return true;
  } catch {
    return false;
  }
}

async function lengthenRetention({ workflowService }: Connection, namespace: string): Promise<void> {
  const { config } = await workflowService.describeNamespace({ namespace });
  const wanted = RETENTION_DAYS * 24 * 3600;
  if (Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) >= wanted) return;
  const workflowExecutionRetentionTtl = temporal.api.namespace.v1.NamespaceConfig.fromObject({
    workflowExecutionRetentionTtl: { seconds: wanted },
  }).workflowExecutionRetentionTtl;
  await workflowService.updateNamespace({ namespace, config: { workflowExecutionRetentionTtl } });
}

async function registerSearchAttributes({ operatorService }: Connection, namespace: string): Promise<void> {
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
  const missing = Object.entries(SearchAttributeTypes).filter(([name]) => !(name in customAttributes));
  if (missing.length === 0) return;
  const searchAttributes = Object.fromEntries(
    missing.map(([name, type]) => [name, IndexedValueType[`INDEXED_VALUE_TYPE_${type}`]]),
  );
  await operatorService.addSearchAttributes({ namespace, searchAttributes });
}

async function withConnection<T>(address: string, use: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address, connectTimeout: ANSWER_WITHIN_MS });
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}
