-- Gives back locks of several calls of execute, none of which has more to say (see hand_over): each goes to the next in its queue, or is
-- deleted.
-- KEYS  3 per lock: the lock key, its queue, its slot's counter. In a cluster none: they come before ARGV, as with take.
-- ARGV  1 per lock: owner.
-- Reply {1, answer, ...}, one per lock: 1: released; 0: it was not the owner's; or the error of that lock, which is as it was.
--@ token
--@ pass_on
local keys, count, shift = KEYS, #KEYS / 3, 0
if count == 0 then
  keys, count = ARGV, #ARGV / 4
  shift = 3 * count
end
local try, reply = redis.pcall, {1}
for n = 1, count do
  local lock, queue, answer = keys[3 * n - 2], keys[3 * n - 1], 0
  local holder = try('GET', lock)
  if holder == ARGV[shift + n] then
    local waited = try('EXISTS', queue)
    if waited == 0 then
      redis.call('DEL', lock)
      answer = 1
    elseif type(waited) == 'table' then
      answer = waited
    else
      -- What fails here must not hide what became of the others.
      local done, failure = pcall(pass_on, lock, queue, keys[3 * n], false)
      answer = done and 1 or type(failure) == 'table' and failure or {err = failure}
    end
  elseif type(holder) == 'table' and not string.find(holder.err, 'WRONGTYPE', 1, true) then
    answer = holder
  end
  reply[n + 1] = answer
end
return reply
