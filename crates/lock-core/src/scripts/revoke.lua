-- Takes a batch of locks, which SCAN found, away from their holders, and tells the holders.
-- KEYS  `stride` per lock: the lock key; with stride 4 also its hold record, its queue, its slot's counter.
-- ARGV  1 stride, 2 '1': of any owner, '0': only of the owner in 3; 4 '1': sync the counters; 5, if given: only the hold whose record has this
--       token. An owner may have taken the lock again, and several callers use '*'.
-- Reply {1, number of locks taken away}.
local stride, freed = tonumber(ARGV[1]), 0
--@ token
--@ grant_next
for i = 1, #KEYS, stride do
  -- A value that is no string is no lock.
  local holder = redis.pcall('GET', KEYS[i])
  local wanted = type(holder) == 'string' and (ARGV[2] == '1' or holder == ARGV[3])
  local record = wanted and stride == 4 and redis.call('GET', KEYS[i + 1]) or ''
  if wanted and (not ARGV[5] or string.match(record, '^[^:]*:(%d+):') == ARGV[5]) then
    if stride == 4 then
      redis.call('DEL', KEYS[i + 1])
      grant_next(KEYS[i], KEYS[i + 2], KEYS[i + 3], ARGV[4] == '1')
      local uuid = string.match(holder, '^execute:(%x+%-%x+)')
      local holders = uuid and string.gsub(uuid, '-', '') or string.match(record, '^[^:]*') or ''
      -- Tells each process that the record names. All attempts of a process begin with the same digits, and so does its uuid of execute.
      local told = {}
      for attempt in string.gmatch(holders, '%x+') do
        local mark = string.sub(attempt, 1, 12)
        if (#attempt == 12 or #attempt == 32) and not told[mark] then
          told[mark] = true
          redis.pcall('PUBLISH', 'mlr!o:' .. mark, KEYS[i])
        end
      end
    else
      redis.call('DEL', KEYS[i])
    end
    freed = freed + 1
  end
end
return {1, freed}
