-- The attempts for a record whose end moves by `by` ms. Their `@<ms>` count from the record's end, so they grow by as much.
local function moved(attempts, by)
  return (string.gsub(attempts, '@(%-?%d+)', function(before) return string.format('@%.0f', before + by) end))
end
