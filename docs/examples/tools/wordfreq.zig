// wordfreq [FILE...]: how often each word is in the files, or in stdin; the most frequent first.
const std = @import("std");

const Entry = struct { word: []const u8, count: usize };

fn before(_: void, a: Entry, b: Entry) bool {
    if (a.count != b.count) return a.count > b.count;
    return std.mem.lessThan(u8, a.word, b.word);
}

pub fn main(init: std.process.Init) !u8 {
    const io = init.io;
    const arena = init.arena.allocator();
    const args = try init.minimal.args.toSlice(arena);

    var status: u8 = 0;
    var text: std.ArrayList(u8) = .empty;
    if (args.len < 2) {
        var reader = std.Io.File.stdin().readerStreaming(io, &.{});
        try reader.interface.appendRemainingUnlimited(arena, &text);
    }
    for (args[@min(1, args.len)..]) |name| {
        const content = std.Io.Dir.cwd().readFileAlloc(io, name, arena, .unlimited) catch |err| {
            std.debug.print("wordfreq: {s}: {s}\n", .{ name, @errorName(err) });
            status = 1;
            continue;
        };
        try text.appendSlice(arena, content);
        try text.append(arena, '\n');
    }

    var counts: std.StringArrayHashMapUnmanaged(usize) = .empty;
    for (text.items) |*byte| byte.* = if (std.ascii.isAlphabetic(byte.*)) std.ascii.toLower(byte.*) else ' ';
    var words = std.mem.tokenizeScalar(u8, text.items, ' ');
    while (words.next()) |word| {
        const found = try counts.getOrPutValue(arena, word, 0);
        found.value_ptr.* += 1;
    }

    const entries = try arena.alloc(Entry, counts.count());
    for (entries, counts.keys(), counts.values()) |*entry, word, count| entry.* = .{ .word = word, .count = count };
    std.mem.sort(Entry, entries, {}, before);

    var buffer: [4096]u8 = undefined;
    var writer = std.Io.File.stdout().writerStreaming(io, &buffer);
    for (entries) |entry| try writer.interface.print("{d} {s}\n", .{ entry.count, entry.word });
    try writer.interface.flush();
    return status;
}
