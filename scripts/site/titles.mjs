// A plugin of TypeDoc: pages are called what their first heading says, and the module of all exports `API`.
import { Converter, ReflectionKind } from 'typedoc';

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    for (const page of project.getReflectionsByKind(ReflectionKind.Document)) {
      const [first] = page.content;
      page.name = /^# (.+)$/m.exec(first.text)?.[1] ?? page.name;
    }
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
      if (module.name === 'index') module.name = 'API';
    }
  });
}
