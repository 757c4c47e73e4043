-- Times are milliseconds since the epoch, UTC, unless the name says otherwise. Texts are empty, not NULL, where
-- there is nothing to say. Every row carries the provider instance it belongs to.
--
-- Sets of more than two values are spelt with OR: for IN, SQLite makes and drops a table of the set each time that a row
-- is written, which was more than half of the work of writing one.

CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    -- The oldest schema whose programs may open this file: raised only by steps that take something away.
    oldest_program INTEGER NOT NULL,
    -- Whether the work directory is shared between hosts, which decides the journal mode.
    shared INTEGER NOT NULL CHECK (shared IN (0, 1)),
    -- Counts settled creations: a listing that began before one cannot have seen its pod.
    tick INTEGER NOT NULL
) STRICT;

CREATE TABLE watchers (
    instance TEXT NOT NULL,
    program TEXT NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    beat_at INTEGER NOT NULL,
    -- What it waits for, for example room on the disk or credentials.
    trouble TEXT NOT NULL,
    PRIMARY KEY (instance, program)
) STRICT, WITHOUT ROWID;

CREATE TABLE clusters (
    instance TEXT NOT NULL,
    -- As the configuration names them; empty is the watchers' default.
    context TEXT NOT NULL,
    namespace TEXT NOT NULL,
    -- Which cluster it was when the first machine was made there: the UID of kube-system where it may be read, a
    -- hash of server and CA, and the namespace that was meant.
    uid TEXT NOT NULL,
    server TEXT NOT NULL,
    resolved_namespace TEXT NOT NULL,
    listed INTEGER NOT NULL CHECK (listed IN (0, 1)),
    progress_at INTEGER,
    -- Why nothing is settled there.
    refusal TEXT NOT NULL,
    PRIMARY KEY (instance, context, namespace)
) STRICT, WITHOUT ROWID;

-- The watches of nodes, where rights allow them, one for each context. Where none speaks, pods alone decide.
CREATE TABLE node_watches (
    instance TEXT NOT NULL,
    context TEXT NOT NULL,
    heard_at INTEGER NOT NULL,
    -- How long the watcher has run in all, by its monotonic clock, and what that was when it heard from the cluster last.
    clock_ms INTEGER NOT NULL,
    heard_ms INTEGER NOT NULL,
    PRIMARY KEY (instance, context)
) STRICT, WITHOUT ROWID;

-- hf_core::NodeFacts, and of nodes where machines were also that they are gone.
CREATE TABLE nodes (
    instance TEXT NOT NULL,
    context TEXT NOT NULL,
    name TEXT NOT NULL,
    uid TEXT NOT NULL,
    gone_at INTEGER,
    condition TEXT NOT NULL CHECK (
        condition = 'ready' OR condition = 'not-ready' OR condition = 'unreachable'
    ),
    -- Since when, by the cluster's clock, which only tells one outage from the next; and by that of the watch.
    condition_at INTEGER,
    condition_ms INTEGER NOT NULL,
    zone TEXT NOT NULL,
    instance_type TEXT NOT NULL,
    capacity_type TEXT NOT NULL,
    cpu REAL,
    memory REAL,
    PRIMARY KEY (instance, context, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX nodes_gone ON nodes (instance, gone_at) WHERE gone_at IS NOT NULL;

CREATE TABLE taints (
    instance TEXT NOT NULL,
    context TEXT NOT NULL,
    node TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    effect TEXT NOT NULL,
    -- What the clock of the watch showed when it was first seen.
    since_ms INTEGER NOT NULL,
    PRIMARY KEY (instance, context, node, key, effect)
) STRICT, WITHOUT ROWID;

-- Pods of others in our namespaces: a name that the store does not know is gone only if it is not among them.
CREATE TABLE others (
    instance TEXT NOT NULL,
    context TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (instance, context, namespace, name)
) STRICT, WITHOUT ROWID;

-- What HF_K8S_METADATA_* said, all of it, each time that it changed.
CREATE TABLE metadata (
    instance TEXT NOT NULL,
    -- From when on.
    since INTEGER NOT NULL,
    -- A JSON object of texts.
    entries TEXT NOT NULL,
    PRIMARY KEY (instance, since)
) STRICT, WITHOUT ROWID;

-- Pod manifests as they stood when a request was accepted, each once.
CREATE TABLE manifests (
    id INTEGER PRIMARY KEY,
    instance TEXT NOT NULL,
    digest TEXT NOT NULL,
    pod TEXT NOT NULL,
    UNIQUE (instance, digest)
) STRICT;

-- Acquire and return requests share one space of ids.
CREATE TABLE requests (
    seq INTEGER PRIMARY KEY,
    instance TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('acquire', 'return')),
    origin TEXT NOT NULL CHECK (origin = 'asked' OR origin = 'adopted' OR origin = 'imported'),
    requested_at INTEGER NOT NULL,
    count INTEGER NOT NULL,
    template TEXT NOT NULL,
    manifest INTEGER REFERENCES manifests (id),
    context TEXT NOT NULL,
    namespace TEXT NOT NULL,
    readiness TEXT NOT NULL CHECK (readiness IN ('running', 'ready')),
    start_timeout_s INTEGER NOT NULL,
    create_timeout_s INTEGER NOT NULL,
    -- Of its template: higher goes first.
    priority INTEGER NOT NULL,
    -- How long its machines have waited to be created, counted by hf-watch-requests.
    waited_ms INTEGER NOT NULL,
    -- Whether Host Factory has named it since, and for how long it has not (rule 13).
    claimed INTEGER NOT NULL CHECK (claimed IN (0, 1)),
    unclaimed_ms INTEGER NOT NULL,
    -- The terminal answer, once it was given (rule 3).
    answer TEXT CHECK (answer IN ('complete', 'complete_with_error')),
    answered_at INTEGER,
    -- Whether it is being removed, step by step: nobody knows it any more.
    forgotten INTEGER NOT NULL CHECK (forgotten IN (0, 1)),
    -- Until its machines are in the tables of machines and of what is returned: empty, or of a return its machines as
    -- a JSON array of [host, machine id, name or null].
    unwritten TEXT
) STRICT;
CREATE INDEX requests_unwritten ON requests (instance) WHERE unwritten IS NOT NULL;
CREATE INDEX requests_by_manifest ON requests (manifest);
CREATE INDEX requests_by_age ON requests (instance, requested_at) WHERE forgotten = 0;
CREATE INDEX requests_forgotten ON requests (instance) WHERE forgotten = 1;
CREATE INDEX requests_imported ON requests (instance, context, namespace) WHERE origin = 'imported';
CREATE INDEX requests_unclaimed ON requests (instance, context, namespace)
    WHERE kind = 'acquire' AND origin = 'asked' AND claimed = 0;

CREATE TABLE machines (
    seq INTEGER PRIMARY KEY,
    instance TEXT NOT NULL,
    -- Looked at when the transaction ends, so that nothing need be kept to undo a statement that writes many rows.
    request INTEGER NOT NULL REFERENCES requests (seq) DEFERRABLE INITIALLY DEFERRED,
    ordinal INTEGER NOT NULL,
    template TEXT NOT NULL,
    context TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL UNIQUE,
    machine_id TEXT NOT NULL,
    -- Its request's priority, negated, so that an index goes forward: less is created first.
    turn INTEGER NOT NULL,
    -- Whether it was rebuilt from the cluster.
    adopted INTEGER NOT NULL CHECK (adopted IN (0, 1)),
    -- hf_core::Life
    creation TEXT NOT NULL CHECK (
        creation = 'wanted' OR creation = 'creating' OR creation = 'created'
        OR creation = 'cancelled' OR creation = 'failed' OR creation = 'lost'
    ),
    doubt INTEGER NOT NULL CHECK (doubt IN (0, 1)),
    doom TEXT CHECK (
        doom = 'returned' OR doom = 'not-created' OR doom = 'not-started' OR doom = 'ended'
        OR doom = 'unclaimed' OR doom = 'orphan'
    ),
    pod TEXT NOT NULL CHECK (pod = 'never' OR pod = 'present' OR pod = 'gone'),
    -- hf_core::PodFacts
    uid TEXT NOT NULL,
    phase TEXT NOT NULL CHECK (
        phase = 'pending' OR phase = 'running' OR phase = 'succeeded' OR phase = 'failed'
        OR phase = 'unknown'
    ),
    pulled INTEGER NOT NULL CHECK (pulled IN (0, 1)),
    running INTEGER NOT NULL CHECK (running IN (0, 1)),
    ready INTEGER NOT NULL CHECK (ready IN (0, 1)),
    ip TEXT NOT NULL,
    node TEXT NOT NULL,
    started_at INTEGER,
    deleting_s INTEGER,
    deleting_since INTEGER,
    grace_s INTEGER NOT NULL,
    -- For how long it stays on a node that is not ready, or cannot be reached; NULL is for ever.
    stays_not_ready_s INTEGER,
    stays_unreachable_s INTEGER,
    disrupted INTEGER NOT NULL CHECK (disrupted IN (0, 1)),
    pod_message TEXT NOT NULL,
    -- What was said last about creating it, how it ended, and what was said last about deleting it.
    create_message TEXT NOT NULL,
    end_message TEXT NOT NULL,
    delete_message TEXT NOT NULL,
    -- When its creation was settled, in ticks.
    created_tick INTEGER NOT NULL,
    -- Whether it ever was as the request wants it, and how long it has been on its way there.
    delivered INTEGER NOT NULL CHECK (delivered IN (0, 1)),
    starting_ms INTEGER NOT NULL,
    -- For how long its pod, that ended by itself, has been kept since that could be read in an answer.
    kept_ms INTEGER NOT NULL,
    -- The return that doomed it, 0 for none: deletions are shared out among returns.
    returned_by INTEGER NOT NULL,
    -- Whether the API server has accepted its deletion (2: by force), and for how long it has been going since.
    delete_asked INTEGER NOT NULL CHECK (delete_asked BETWEEN 0 AND 2),
    going_ms INTEGER NOT NULL,
    -- Of an adopted machine: whether Host Factory has listed it, and for how long it has not (rule 13).
    claimed INTEGER NOT NULL CHECK (claimed IN (0, 1)),
    unclaimed_ms INTEGER NOT NULL,
    -- The outcome for its acquire request, once the terminal answer was given.
    result TEXT CHECK (result IN ('succeed', 'fail')),
    result_message TEXT,
    result_ip TEXT,
    result_launched_at INTEGER,
    -- The sets that the watchers work through; hf_core::Life decides what is in them. Stored, since to work them out anew
    -- for each index that has them was a quarter of the work of changing a row.
    to_create INTEGER GENERATED ALWAYS AS (creation = 'wanted' AND doom IS NULL AND pod <> 'gone') STORED,
    to_delete INTEGER GENERATED ALWAYS AS (
        doom IS NOT NULL AND creation <> 'creating'
            AND (pod = 'present' OR (pod = 'never' AND (creation = 'created' OR doubt = 1)))
    ) STORED,
    starting INTEGER GENERATED ALWAYS AS (
        pod = 'present' AND doom IS NULL AND delivered = 0 AND phase NOT IN ('succeeded', 'failed')
    ) STORED,
    finished INTEGER GENERATED ALWAYS AS (
        pod = 'gone' OR (pod = 'never' AND doubt = 0
            AND (creation = 'cancelled' OR creation = 'failed' OR creation = 'lost'))
    ) STORED,
    live INTEGER GENERATED ALWAYS AS (
        doom IS NULL AND pod <> 'gone' AND (creation = 'wanted' OR creation = 'creating' OR creation = 'created')
            AND phase NOT IN ('succeeded', 'failed')
    ) STORED
) STRICT;
CREATE INDEX machines_by_request ON machines (request, ordinal);
CREATE INDEX machines_by_node ON machines (instance, context, node) WHERE node <> '';
CREATE INDEX machines_to_create ON machines (instance, context, namespace, turn, request, ordinal) WHERE to_create;
CREATE INDEX machines_creating ON machines (instance, context, namespace) WHERE creation = 'creating';
CREATE INDEX machines_to_delete ON machines (instance, context, namespace, delete_asked, returned_by, seq)
    WHERE to_delete;
CREATE INDEX machines_starting ON machines (instance, context, namespace) WHERE starting;
CREATE INDEX machines_ended ON machines (instance, context, namespace)
    WHERE pod = 'present' AND doom IS NULL AND phase IN ('succeeded', 'failed');
CREATE INDEX machines_unclaimed ON machines (instance, context, namespace)
    WHERE pod = 'present' AND doom IS NULL AND creation = 'created' AND adopted AND claimed = 0;
CREATE INDEX machines_live ON machines (instance, template) WHERE live;
CREATE INDEX machines_there ON machines (instance, context, namespace, name)
    WHERE pod = 'present' OR (pod = 'never' AND creation = 'created');

-- How many live machines each template has: to count them takes longer the more there are. Whoever writes machines keeps
-- it up to date; a trigger would make SQLite save every page that a statement changes, in case it has to be undone.
CREATE TABLE live_machines (
    instance TEXT NOT NULL,
    template TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (instance, template)
) STRICT, WITHOUT ROWID;

-- What a return request gives back. A name that the store does not know has no machine.
CREATE TABLE returned (
    request INTEGER NOT NULL REFERENCES requests (seq),
    position INTEGER NOT NULL,
    instance TEXT NOT NULL,
    -- As one of our machines' names, and as Host Factory gave it.
    name TEXT NOT NULL,
    host TEXT NOT NULL,
    machine_id TEXT NOT NULL,
    machine INTEGER REFERENCES machines (seq),
    -- What was answered for it, once the terminal answer was given.
    result_message TEXT,
    result_ip TEXT,
    result_launched_at INTEGER,
    PRIMARY KEY (request, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX returned_by_machine ON returned (machine) WHERE machine IS NOT NULL;
CREATE INDEX returned_unknown ON returned (instance, name) WHERE machine IS NULL;

-- What happened to each request and machine, and when. Only ever added to.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    instance TEXT NOT NULL,
    at INTEGER NOT NULL,
    request INTEGER NOT NULL,
    machine INTEGER,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_request ON events (request);
CREATE INDEX events_by_machine ON events (machine) WHERE machine IS NOT NULL;
