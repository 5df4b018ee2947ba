import type { CodegenConfig } from "@graphql-codegen/cli";

export default {
  schema: "../schema.graphql",
  documents: "client.ts",
  generates: {
    "gql/": {
      preset: "client",
      presetConfig: { persistedDocuments: { hashAlgorithm: "sha256" }, fragmentMasking: false },
      config: {
        documentMode: "string",
        enumsAsTypes: true,
        useTypeImports: true,
        emitLegacyCommonJSImports: false,
        strictScalars: true,
        scalars: { Date: "string", DateTime: "string", Decimal: "string", JSON: "unknown", Position: "string", Upload: "File" },
      },
    },
  },
} satisfies CodegenConfig;
