-- A slice folds the messages of many lanes, and nobody asks on which one a message lies: its key says that.

alter table message drop column lane;
