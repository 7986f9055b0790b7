/*
 * probe.h: the child process that asks plugins questions, so that neither the supervisor nor a command loads one
 * (design D16), and looks into a stream's data file, which may be damaged in a way that ends who reads it. Run as
 * `homeport probe`, one JSON request on stdin, one JSON answer on stdout, then exit 0; an exit by signal or status, or
 * no answer in time, is the plugin's fault and reported as such by whoever asked.
 *
 *   {"do":"describe","plugin":"/path/x.so","class":"source-pg"}
 *     -> {"keys":[ConfigKeyInfo...]}         the plugin's own keys first, then the framework's (REST-28)
 *   {"do":"validate","class":"...","plugin_path":"/dir,...","config":{...}}
 *     -> {"infos":ConfigInfos,"warnings":["..."]}       REST-29; transforms and their keys included (V3)
 *     -> {"error":{"class":1,"message":"..."}}          no such class, plugin cannot be loaded, ...
 *   {"do":"position","streams":"/data/streams","stream":"orders"}
 *     -> {"position":{...}}, or null: there is no stream, or no position in it; or {"error":...}
 * ConfigKeyInfo and ConfigInfos are those of connect-conformance 1.3, ready to be sent.
 */
#ifndef PLUGIN_PROBE_H
#define PLUGIN_PROBE_H

int probe_main(void);

#endif
